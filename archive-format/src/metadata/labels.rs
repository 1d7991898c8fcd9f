//! Labels of planned events (FORMAT.md, 5.14).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradesim_schemas::{Symbol, Timestamp};

use super::{optional_text, text};
use crate::{Cut, limits::TEXT_BYTES_MAX};

/// The label of a planned event: what was done to the market, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The name of the event, unique within a recording.
    pub id: String,
    /// The kind, such as `luld`.
    pub kind: String,
    /// The only symbol that it happens to; `None` for all symbols.
    #[serde(default, with = "optional_text")]
    pub symbol: Option<Symbol>,
    /// The start.
    #[serde(with = "text")]
    pub from: Timestamp,
    /// The end, exclusive.
    #[serde(with = "text")]
    pub to: Timestamp,
    /// The phases, in order of time.
    pub phases: Vec<LabelPhase>,
    /// The parameters by name.
    pub parameters: BTreeMap<String, String>,
    /// The rule that the events of the recording follow.
    pub rule: String,
}

/// A phase of a planned event. It lasts until the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelPhase {
    /// The name, such as `halt`.
    pub name: String,
    /// The start.
    #[serde(with = "text")]
    pub at: Timestamp,
}

impl Label {
    /// Returns true if a message that satisfies the conditions of a cut may belong to the event: its symbols and its time have
    /// a part in common with those of the event.
    pub fn is_touched_by(&self, cut: &Cut) -> bool {
        self.symbol.is_none_or(|symbol| cut.symbols.is_empty() || cut.symbols.contains(&symbol))
            && cut.from.is_none_or(|from| self.to > from)
            && cut.to.is_none_or(|to| self.from < to)
    }
}

/// Returns what is wrong with labels that were read.
pub(super) fn check(labels: &[Label]) -> Result<(), String> {
    for (index, label) in labels.iter().enumerate() {
        for (key, name) in [("id", &label.id), ("kind", &label.kind)] {
            check_name(name).map_err(|what| format!("`labels[{index}].{key}` {what}"))?;
        }
        for (number, phase) in label.phases.iter().enumerate() {
            check_name(&phase.name)
                .map_err(|what| format!("`labels[{index}].phases[{number}].name` {what}"))?;
        }
        let in_order = label.phases.is_sorted_by_key(|phase| phase.at) && label.from <= label.to;
        let within = label.phases.iter().all(|phase| phase.at >= label.from && phase.at <= label.to);
        if !(in_order && within) {
            return Err(format!("the phases of the label {:?} are not in order of time", label.id));
        }
    }
    Ok(())
}

/// Returns what is wrong with a name. A server announces names, many at a time.
fn check_name(name: &str) -> Result<(), String> {
    if name.len() > TEXT_BYTES_MAX {
        return Err(format!("has {} bytes, more than the limit of {TEXT_BYTES_MAX}", name.len()));
    }
    let is_invalid = |&character: &char| character.is_control() || character == '"' || character == '\\';
    match name.chars().find(is_invalid) {
        Some(character) => Err(format!("contains {character:?}, which a name must not have")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000).unwrap()
    }

    fn label(symbol: Option<&str>) -> Label {
        Label {
            id: "luld-KO-103112".to_owned(),
            kind: "luld".to_owned(),
            symbol: symbol.map(|symbol| Symbol::new(symbol).unwrap()),
            from: at(100),
            to: at(200),
            phases: vec![LabelPhase { name: "halt".to_owned(), at: at(150) }],
            parameters: BTreeMap::new(),
            rule: String::new(),
        }
    }

    #[test]
    fn a_cut_keeps_the_labels_that_it_touches() {
        let symbols = |names: &[&str]| names.iter().map(|name| Symbol::new(name).unwrap()).collect();
        let cut = |from: Option<i64>, to: Option<i64>, names: &[&str]| Cut {
            from: from.map(at),
            to: to.map(at),
            symbols: symbols(names),
            ..Cut::default()
        };
        for (touched, symbol, cut) in [
            (true, Some("KO"), cut(None, None, &[])),
            (true, Some("KO"), cut(Some(199), None, &["KO", "MSFT"])),
            (false, Some("KO"), cut(Some(200), None, &[])),
            (false, Some("KO"), cut(None, Some(100), &[])),
            (true, Some("KO"), cut(None, Some(101), &[])),
            (false, Some("KO"), cut(None, None, &["MSFT"])),
            (true, None, cut(None, None, &["MSFT"])),
        ] {
            assert_eq!(label(symbol).is_touched_by(&cut), touched, "{cut:?}");
        }
    }

    #[test]
    fn phases_must_be_within_the_event_and_in_order() {
        assert_eq!(check(&[label(None)]), Ok(()));
        let mut wrong = label(None);
        wrong.phases.push(LabelPhase { name: "end".to_owned(), at: at(149) });
        assert!(check(&[wrong]).unwrap_err().contains("luld-KO-103112"));
        let mut wrong = label(None);
        wrong.phases[0].at = at(201);
        assert!(check(&[wrong]).is_err());
    }

    #[test]
    fn names_can_be_announced() {
        let long = "x".repeat(TEXT_BYTES_MAX);
        let with_phase = |name: &str| {
            let mut label = label(None);
            label.phases[0].name = name.to_owned();
            check(&[label])
        };
        assert_eq!(with_phase(&long), Ok(()));
        for (name, what) in [
            (&*format!("{long}x"), "has 65 bytes, more than the limit of 64"),
            ("a\nb", "contains '\\n', which a name must not have"),
            ("a\"b", "contains '\"', which a name must not have"),
            ("a\\b", "contains '\\\\', which a name must not have"),
        ] {
            assert_eq!(with_phase(name), Err(format!("`labels[0].phases[0].name` {what}")));
        }
        let with_id = Label { id: format!("{long}x"), ..label(None) };
        let error = check(&[label(None), with_id]).unwrap_err();
        assert_eq!(error, "`labels[1].id` has 65 bytes, more than the limit of 64");
        let error = check(&[Label { kind: "a\u{7f}".to_owned(), ..label(None) }]).unwrap_err();
        assert_eq!(error, "`labels[0].kind` contains '\\u{7f}', which a name must not have");
    }
}
