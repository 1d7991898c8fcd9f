//! Flags within a file, as a scenario has them.

use clap::{Args, Command};

/// Parses a text of flags that are separated by white space, without the name of a command.
///
/// # Errors
/// The first line of `clap`'s error, without its `error: `.
pub(crate) fn flags<T: Args>(text: &str) -> Result<T, String> {
    let command = T::augment_args(Command::new("tradesim").no_binary_name(true).disable_help_flag(true));
    let matches = command.try_get_matches_from(text.split_whitespace());
    matches.and_then(|matches| T::from_arg_matches(&matches)).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.strip_prefix("error: ").unwrap_or(first).to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::flags;
    use crate::cli::{BridgeTuning, Record, kafka::AnswerArgs};

    #[test]
    fn no_flags_are_the_defaults_of_the_types() {
        assert_eq!(flags::<BridgeTuning>(""), Ok(BridgeTuning::default()));
        assert_eq!(flags::<AnswerArgs>(""), Ok(AnswerArgs::default()));
        let record = flags::<Record>("").unwrap();
        assert_eq!(format!("{record:?}"), format!("{:?}", Record::default()));
    }

    #[test]
    fn an_error_names_the_flag() {
        let error = flags::<BridgeTuning>("--strict --commit-intreval 1s").unwrap_err();
        assert_eq!(error, "unexpected argument '--commit-intreval' found");
        assert!(flags::<BridgeTuning>("--help").is_err());
    }
}
