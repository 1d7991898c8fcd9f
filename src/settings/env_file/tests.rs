use proptest::prelude::*;

use super::*;

fn all(text: &str) -> Result<Vec<(String, String)>, (usize, &'static str)> {
    settings(text.as_bytes(), Lines::All)
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn assignments_are_read_in_every_form() {
    for (line, value) in [
        ("TRADE_GEN_SEED=7", "7"),
        ("  trade_gen_seed = 7\t", "7"),
        ("export TRADE_GEN_SEED=7 # lucky", "7"),
        ("TRADE_GEN_SEED=a#b", "a#b"),
        ("TRADE_GEN_SEED=", ""),
        ("TRADE_GEN_SEED=#7", ""),
        ("TRADE_GEN_SEED=''", ""),
        ("TRADE_GEN_SEED='a \"b\" \\n # $C'", "a \"b\" \\n # $C"),
        (r#"TRADE_GEN_SEED="a 'b' \"c\" \\ \$ \n\tx" # d"#, "a 'b' \"c\" \\ $ \n\tx"),
        (r"TRADE_GEN_SEED=C:\a", r"C:\a"),
    ] {
        assert_eq!(all(line), Ok(vec![pair("TRADE_GEN_SEED", value)]), "{line}");
    }
    let text = "\u{feff}TRADE_GEN_RATE=1\r\n# comment\r\n\r\nOTHER=2\nKAFKA_BRIDGE_WS_URI=ws://a/?b=c";
    assert_eq!(all(text), Ok(vec![pair("TRADE_GEN_RATE", "1"), pair("KAFKA_BRIDGE_WS_URI", "ws://a/?b=c")]));
}

#[test]
fn nothing_is_substituted() {
    // a variable that every environment has
    for value in ["ws://x/?k=${PATH}", "$PATH", "\"${PATH}\"", "'$PATH'", "$(id)", "`id`"] {
        let read = all(&format!("OTHER=1\nKAFKA_BRIDGE_WS_URI={value}")).unwrap();
        assert_eq!(read, [pair("KAFKA_BRIDGE_WS_URI", value.trim_matches(['"', '\'']))]);
    }
}

#[test]
fn what_is_not_an_assignment_is_named_by_its_line_where_it_counts() {
    for (line, what) in [
        ("TRADE_GEN_SEED", "is not NAME=value"),
        ("TRADE_GEN_SEED: 7", "is not NAME=value"),
        ("TRADE_GEN_SEED=7 8", "has a value with spaces"),
        ("TRADE_GEN_SEED=\"7", "has a quote that is not closed on the same line"),
        ("TRADE_GEN_SEED='7' 8", "has something after the closing quote"),
        ("TRADE_GEN_SEED='7'#8", "has something after the closing quote"),
        ("TRADE_GEN_SEED=\"\\x\"", "has a \\ in double quotes"),
        ("TRADE_GEN_SEED=7'", "has a quote inside a value"),
    ] {
        let text = format!("TRADE_GEN_RATE=1\n\n{line}\nTRADE_GEN_MODE=burst");
        for lines in [Lines::All, Lines::Ours] {
            let (number, found) = settings(text.as_bytes(), lines).unwrap_err();
            assert!(number == 3 && found.starts_with(what), "{line}: {number} {found}");
        }
        // an invalid line of another program is an error only in a file that was given
        let foreign = text.replace("TRADE_GEN_SEED", "OTHER");
        assert_eq!(settings(foreign.as_bytes(), Lines::All).unwrap_err().0, 3);
        let read = settings(foreign.as_bytes(), Lines::Ours);
        assert_eq!(read, Ok(vec![pair("TRADE_GEN_RATE", "1"), pair("TRADE_GEN_MODE", "burst")]));
    }
    assert_eq!(settings(b"A=1\nTRADE_GEN_SEED=\xff", Lines::Ours), Err((2, "is not UTF-8")));
    assert_eq!(settings(b"A=\xff\nTRADE_GEN_SEED=2", Lines::All), Err((1, "is not UTF-8")));
    assert_eq!(settings(b"A=\xff\nTRADE_GEN_SEED=2", Lines::Ours), Ok(vec![pair("TRADE_GEN_SEED", "2")]));
}

#[test]
fn only_regular_files_of_at_most_1_mib_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.env");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let words = |result: Result<Vec<(String, String)>, Failure>| result.unwrap_err().to_string();
    // opening it would wait for a writer
    assert!(words(named(&path)).ends_with("it.env cannot be used: it is not a regular file"));
    assert_eq!(unnamed(&path).unwrap(), []);
    fs::remove_file(&path).unwrap();
    assert!(words(named(&path)).contains("cannot be used"));
    assert_eq!(unnamed(&path).unwrap(), []);
    let mut text = b"TRADE_GEN_SEED=3\n".to_vec();
    text.resize(BYTES_MAX as usize, b'\n');
    fs::write(&path, &text).unwrap();
    assert_eq!(named(&path).unwrap(), [pair("TRADE_GEN_SEED", "3")]);
    text.push(b'\n');
    fs::write(&path, &text).unwrap();
    assert!(words(named(&path)).ends_with("it is larger than 1 MiB"));
    assert_eq!(unnamed(&path).unwrap(), []);
    assert!(words(named(folder.path())).contains("cannot be used"));
    assert_eq!(unnamed(folder.path()).unwrap(), []);
}

/// Returns a value as it is written in double quotes.
fn in_double_quotes(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
    format!("\"{escaped}\"")
}

/// Any line that is not a setting of tradesim.
fn foreign_line() -> impl Strategy<Value = Vec<u8>> {
    let any = prop::collection::vec(any::<u8>(), 0..40);
    let likely = "(export )?[A-Z_]{1,12} ?= ?[\"']?[ -~]{0,20}[\"']?".prop_map(String::into_bytes);
    prop_oneof![any, likely].prop_filter("a foreign line", |line| {
        let text = String::from_utf8_lossy(line).to_uppercase();
        !line.contains(&b'\n') && !text.contains("TRADE_GEN_") && !text.contains("KAFKA_BRIDGE_")
    })
}

proptest! {
    #[test]
    fn any_bytes_are_settings_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = settings(&bytes, Lines::All);
        let _ = settings(&bytes, Lines::Ours);
    }

    #[test]
    fn a_quoted_value_is_read_back_whole(value in any::<String>()) {
        let line = format!("TRADE_GEN_SEED={}", in_double_quotes(&value));
        // values of all sources are trimmed
        prop_assert_eq!(all(&line), Ok(vec![pair("TRADE_GEN_SEED", value.trim())]));
    }

    #[test]
    fn foreign_lines_change_nothing(
        ours in prop::collection::vec(("[A-Z]{1,8}", "[!-~&&[^\"'#]]{0,12}"), 0..5),
        foreign in prop::collection::vec(foreign_line(), 0..8),
    ) {
        let line = |(name, value): &(String, String)| format!("TRADE_GEN_{name}={value}").into_bytes();
        let ours: Vec<Vec<u8>> = ours.iter().map(line).collect();
        let mixed: Vec<Vec<u8>> = foreign.iter().zip(ours.iter().map(Some).chain(std::iter::repeat(None)))
            .flat_map(|(foreign, ours)| std::iter::once(foreign).chain(ours)).cloned()
            .chain(ours.iter().skip(foreign.len()).cloned())
            .collect();
        prop_assert_eq!(
            settings(&mixed.join(&b'\n'), Lines::Ours),
            settings(&ours.join(&b'\n'), Lines::Ours)
        );
    }
}
