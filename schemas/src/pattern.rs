//! Patterns of whole messages, for what programs say to feeds and clients to servers.
//!
//! A pattern is a text in which `*` matches any run of characters, including none. It must match the whole message. A
//! backslash escapes the next character.

use std::str::FromStr;

/// The limit of stars in a pattern.
const STARS_MAX: usize = 16;

/// An invalid pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The text ends with a backslash.
    #[error("it ends with a backslash, which escapes the next character")]
    Backslash,
    /// The pattern has too many stars.
    #[error("it contains more than 16 stars")]
    Stars,
    /// The reply is missing.
    #[error("expected PATTERN=REPLY, as '{{\"ping\":*}}={{\"pong\":*}}'")]
    NoReply,
    /// A star of the reply has no counterpart in the pattern.
    #[error("the reply contains more stars than the pattern")]
    ReplyStars,
}

/// A pattern for whole messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The literal texts before, between and after the stars: always at least one.
    texts: Vec<String>,
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Pattern, PatternError> {
        Ok(Pattern { texts: whole(text)? })
    }
}

/// Parses a text in which an equals sign has no special meaning.
fn whole(text: &str) -> Result<Vec<String>, PatternError> {
    let (mut all, mut rest) = texts(text)?;
    while let Some(behind) = rest {
        let (more, behind) = texts(behind)?;
        let mut more = more.into_iter();
        let last = all.last_mut().expect("there is always one");
        last.push('=');
        last.push_str(&more.next().expect("there is always one"));
        all.extend(more);
        rest = behind;
    }
    Ok(check(all, None)?.0)
}

/// Parses a text up to the first equals sign. Returns the literals and the text after the equals sign.
fn texts(text: &str) -> Result<(Vec<String>, Option<&str>), PatternError> {
    let mut texts = vec![String::new()];
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let last = texts.last_mut().expect("there is always one");
        match c {
            '\\' => last.push(chars.next().ok_or(PatternError::Backslash)?.1),
            '*' => texts.push(String::new()),
            '=' => return check(texts, Some(&text[at + 1..])),
            c => last.push(c),
        }
    }
    check(texts, None)
}

type Texts<'a> = (Vec<String>, Option<&'a str>);

fn check(texts: Vec<String>, behind: Option<&str>) -> Result<Texts<'_>, PatternError> {
    if texts.len() > STARS_MAX + 1 { Err(PatternError::Stars) } else { Ok((texts, behind)) }
}

impl Pattern {
    /// Returns whether a message matches.
    pub fn is(&self, text: &str) -> bool {
        let [first, between @ .., last] = self.texts.as_slice() else {
            return self.texts.first().is_some_and(|only| only == text);
        };
        let rest = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()));
        let behind = rest.and_then(|rest| {
            between.iter().try_fold(rest, |rest, part| Some(rest.split_once(part.as_str())?.1))
        });
        behind.is_some()
    }

    /// Returns the number of stars.
    pub fn star_count(&self) -> usize {
        self.texts.len() - 1
    }

    /// Returns the text that each star matches, each as short as possible, if the message matches.
    pub fn stars<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let [first, between @ .., last] = self.texts.as_slice() else {
            return (self.texts.first().is_some_and(|only| only == text)).then(Vec::new);
        };
        let mut rest = text.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
        let mut stars = Vec::with_capacity(self.texts.len() - 1);
        for part in between {
            let (star, behind) = rest.split_once(part.as_str())?;
            stars.push(star);
            rest = behind;
        }
        stars.push(rest);
        Some(stars)
    }
}

/// A reply to messages that match a pattern. The stars of the reply stand for those of the pattern, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pattern: Pattern,
    reply: Vec<String>,
}

impl FromStr for Answer {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Answer, PatternError> {
        let (pattern, reply) = texts(text)?;
        let reply = whole(reply.ok_or(PatternError::NoReply)?)?;
        if reply.len() > pattern.len() {
            return Err(PatternError::ReplyStars);
        }
        Ok(Answer { pattern: Pattern { texts: pattern }, reply })
    }
}

impl Answer {
    /// Returns the reply to a message, if it matches.
    pub fn to(&self, text: &str) -> Option<String> {
        let stars = self.pattern.stars(text)?;
        let mut reply = String::new();
        for (index, part) in self.reply.iter().enumerate() {
            if let Some(star) = index.checked_sub(1).and_then(|star| stars.get(star)) {
                reply.push_str(star);
            }
            reply.push_str(part);
        }
        Some(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stars<'t>(pattern: &str, text: &'t str) -> Option<Vec<&'t str>> {
        let pattern = pattern.parse::<Pattern>().unwrap();
        let stars = pattern.stars(text);
        assert_eq!(pattern.is(text), stars.is_some(), "{text}");
        assert!(stars.as_ref().is_none_or(|stars| stars.len() == pattern.star_count()));
        stars
    }

    #[test]
    fn a_pattern_is_the_whole_message_and_stars_are_any_text() {
        assert_eq!(stars("ping", "ping"), Some(vec![]));
        for other in ["", "pin", "pings", "a ping"] {
            assert_eq!(stars("ping", other), None, "{other}");
        }
        assert_eq!(stars("", ""), Some(vec![]));
        assert_eq!(stars("*", ""), Some(vec![""]));
        assert_eq!(stars("{\"ping\":*}", "{\"ping\":17}"), Some(vec!["17"]));
        assert_eq!(stars("a*b*c", "a1b2bc"), Some(vec!["1", "2b"]));
        assert_eq!(stars("a*b*c", "ac"), None);
        assert_eq!(stars("aa*aa", "aaa"), None, "one letter is not both ends");
        assert_eq!(stars("**", "ab"), Some(vec!["", "ab"]));
        assert_eq!(stars("\\*\\\\*", "*\\x"), Some(vec!["x"]));
        assert_eq!(stars("ü*", "üß"), Some(vec!["ß"]));
        assert_eq!(stars("a=*=c", "a=b=c"), Some(vec!["b"]));
    }

    #[test]
    fn an_answer_holds_what_the_stars_stand_for() {
        let reply = |answer: &str, text: &str| answer.parse::<Answer>().unwrap().to(text);
        assert_eq!(reply("ping=pong", "ping").as_deref(), Some("pong"));
        assert_eq!(reply("ping=pong", "pong"), None);
        let json = "{\"ping\":*}={\"pong\":*}";
        assert_eq!(reply(json, "{\"ping\":1492420473027}").as_deref(), Some("{\"pong\":1492420473027}"));
        let two =
            "{\"id\":*,\"method\":\"public/heartbeat\"*}={\"id\":*,\"method\":\"public/respond-heartbeat\"}";
        assert_eq!(
            reply(two, "{\"id\":3,\"method\":\"public/heartbeat\",\"code\":0}").as_deref(),
            Some("{\"id\":3,\"method\":\"public/respond-heartbeat\"}")
        );
        assert_eq!(reply("a\\=*=b=*=\\*", "a=1").as_deref(), Some("b=1=*"));
        assert_eq!(reply("a=", "a").as_deref(), Some(""));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert_eq!("a\\".parse::<Pattern>(), Err(PatternError::Backslash));
        assert_eq!("*".repeat(17).parse::<Pattern>(), Err(PatternError::Stars));
        assert_eq!("ping".parse::<Answer>(), Err(PatternError::NoReply));
        assert_eq!("ping=*".parse::<Answer>(), Err(PatternError::ReplyStars));
        assert_eq!("*=*=*".parse::<Answer>(), Err(PatternError::ReplyStars));
    }
}
