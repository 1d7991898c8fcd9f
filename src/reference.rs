//! The pages of `docs/reference`, generated from the definitions that the program uses: commands from clap, settings from the table,
//! exit codes from the help, metrics from the pages that the tests of `replay` and `bridge` pin. A page that differs fails;
//! `UPDATE_GOLDEN=1 cargo test --bin tradesim reference` writes it.

use std::{collections::BTreeMap, env, fmt::Write, fs, path::Path};

use clap::{Arg, Command, CommandFactory};

use crate::{
    cli::Cli,
    exit::Failure,
    settings::{DEFINITIONS, Group},
};

const UPDATE: &str = "UPDATE_GOLDEN=1 cargo test --bin tradesim reference";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a page with its file, or writes the file.
#[track_caller]
fn check(name: &str, title: &str, introduction: &str, body: &str) {
    let page = format!(
        "# {title}\n\n<!-- Generated: do not edit. `{UPDATE}` writes it. -->\n\n{introduction}\n{body}"
    );
    let path = root().join("docs/reference").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differs = || found.lines().zip(page.lines()).position(|(found, page)| found != page);
    assert!(
        found == page,
        "docs/reference/{name} is not up to date (line {}): `{UPDATE}` writes it",
        differs().unwrap_or_else(|| found.lines().count().min(page.lines().count())) + 1
    );
}

/// Returns a text as a cell of a table: in one line, without characters that end the cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "\\<")
}

/// Returns a text as code in a cell.
fn code_cell(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn table(page: &mut String, header: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    writeln!(page, "\n| {} |\n|{}", header.join(" | "), " --- |".repeat(header.len())).unwrap();
    for row in rows {
        writeln!(page, "| {} |", row.join(" | ")).unwrap();
    }
}

/// Returns every command that does something, as the words after `tradesim`, in the order of the help.
fn commands(command: &Command, words: &str, found: &mut Vec<(String, Command)>) {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        let words = format!("{words} {}", inner.get_name()).trim().to_owned();
        if inner.has_subcommands() {
            commands(inner, &words, found);
        } else {
            found.push((words, inner.clone()));
        }
    }
}

fn all_commands() -> (Command, Vec<(String, Command)>) {
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    commands(&root, "", &mut found);
    (root, found)
}

/// Returns an argument as a user writes it: `-o, --output <FILE>` or `<FILE>...`.
fn spelled(arg: &Arg) -> String {
    let names: Vec<String> = arg
        .get_short()
        .map(|short| format!("-{short}"))
        .into_iter()
        .chain(arg.get_long().map(|long| format!("--{long}")))
        .collect();
    let values = arg.get_num_args().filter(|range| range.takes_values());
    let Some(range) = values else { return names.join(", ") };
    let value: Vec<String> =
        arg.get_value_names().unwrap_or_default().iter().map(|name| format!("<{name}>")).collect();
    let value = value.join(" ");
    if names.is_empty() {
        let several = if range.max_values() > 1 { "..." } else { "" };
        return if arg.is_required_set() {
            format!("{value}{several}")
        } else {
            format!("[{}]{several}", value.trim_matches(['<', '>']))
        };
    }
    let names = names.join(", ");
    if range.min_values() == 0 { format!("{names}[={value}]") } else { format!("{names} {value}") }
}

/// Returns the help of an argument with its values and its default.
fn described(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut text = cell(&help);
    let values: Vec<_> = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set()).collect();
    let takes_value = arg.get_num_args().is_some_and(|range| range.takes_values());
    if takes_value && !values.is_empty() {
        let values: Vec<String> = values
            .iter()
            .map(|value| match value.get_help() {
                Some(help) => format!("`{}`: {}", value.get_name(), cell(&help.to_string())),
                None => format!("`{}`", value.get_name()),
            })
            .collect();
        write!(text, "<br>Values: {}", values.join("; ")).unwrap();
    }
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if takes_value && !defaults.is_empty() && !arg.is_hide_default_value_set() {
        write!(text, "<br>Default: `{}`", defaults.join(",")).unwrap();
    }
    text
}

/// Returns the arguments of a command by their headings, those that every command takes apart.
fn headings(command: &Command) -> Vec<(String, Vec<Vec<String>>)> {
    let mut found: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    let shown = |arg: &&Arg| {
        !arg.is_hide_set() && !arg.is_global_set() && !["help", "version"].contains(&arg.get_id().as_str())
    };
    for arg in command.get_arguments().filter(shown) {
        let heading =
            arg.get_help_heading().unwrap_or(if arg.is_positional() { "Arguments" } else { "Options" });
        let row = vec![code_cell(&spelled(arg)), described(arg)];
        match found.iter_mut().find(|(name, _)| name == heading) {
            Some((_, rows)) => rows.push(row),
            None => found.push((heading.to_owned(), vec![row])),
        }
    }
    found
}

#[test]
fn reference_of_commands() {
    let (root, commands) = all_commands();
    let mut page = String::new();
    table(
        &mut page,
        &["command", "what it does"],
        &commands
            .iter()
            .map(|(words, command)| {
                let anchor = words.replace(' ', "-");
                vec![format!("[{words}](#{anchor})"), cell(&command.get_about().unwrap().to_string())]
            })
            .collect::<Vec<_>>(),
    );
    page += "\n## Options of every command\n";
    let global: Vec<_> = root
        .get_arguments()
        .filter(|arg| arg.is_global_set() && !arg.is_hide_set())
        .map(|arg| vec![code_cell(&spelled(arg)), described(arg)])
        .collect();
    table(&mut page, &["option", "meaning"], &global);
    for (words, command) in commands {
        let about = command.get_long_about().or(command.get_about()).unwrap().to_string();
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").trim();
        write!(page, "\n## {words}\n\n{}.\n\n```text\n{usage}\n```\n", about.trim().trim_end_matches('.'))
            .unwrap();
        for (heading, rows) in headings(&command) {
            table(&mut page, &[&heading, "meaning"], &rows);
        }
        if let Some(after) = command.get_after_long_help().or(command.get_after_help()) {
            write!(page, "\n```text\n{}\n```\n", after.to_string().trim()).unwrap();
        }
    }
    check(
        "commands.md",
        "Commands",
        "Every command with its options, as `tradesim COMMAND --help` prints them. *Setting* names a [setting](settings.md) that the option \
         overrides.",
        &page,
    );
}

/// Returns the options that override a setting, each with its commands. The help of an option names its setting: `[setting: RATE`.
fn options_of_settings() -> BTreeMap<(Group, String), BTreeMap<String, Vec<String>>> {
    let mut found: BTreeMap<_, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let (_, commands) = all_commands();
    for (words, command) in &commands {
        for arg in command.get_arguments().filter(|arg| !arg.is_global_set()) {
            let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
            for part in help.split("[setting: ").skip(1) {
                let name = part.split([',', ']']).next().unwrap().trim();
                let groups: Vec<Group> = DEFINITIONS
                    .iter()
                    .filter(|setting| setting.name == name)
                    .map(|setting| setting.group)
                    .collect();
                assert!(!groups.is_empty(), "{words}: the help names a setting {name:?} that does not exist");
                for group in groups {
                    let of_setting = found.entry((group, name.to_owned())).or_default();
                    of_setting
                        .entry(code_cell(&format!("--{}", arg.get_long().unwrap())))
                        .or_default()
                        .push(words.clone());
                }
            }
        }
    }
    assert!(found.len() > 10, "help texts name settings as `[setting: NAME`");
    found
}

#[test]
fn reference_of_settings() {
    let options = options_of_settings();
    let mut page = String::new();
    for group in Group::ALL {
        let subject = match group {
            Group::Generator => "The simulator and the servers",
            Group::Bridge => "The bridge, and every command that uses Kafka",
        };
        write!(page, "\n## {}\n\n{subject}.\n", group.prefix()).unwrap();
        let rows: Vec<_> = DEFINITIONS
            .iter()
            .filter(|setting| setting.group == group)
            .map(|setting| {
                // no setting accepts a control character: the error lists the valid forms
                let values = (setting.check)("\u{1}")
                    .err()
                    .map_or_else(String::new, |invalid| cell(&invalid.expected));
                let options = options.get(&(group, setting.name.to_owned())).map(|options| {
                    let spelled = |(option, commands): (&String, &Vec<String>)| {
                        format!("{option} of {}", commands.join(", "))
                    };
                    options.iter().map(spelled).collect::<Vec<_>>().join("; ")
                });
                vec![
                    code_cell(setting.name),
                    setting.default.map_or_else(|| "–".to_owned(), code_cell),
                    values,
                    options.unwrap_or_default(),
                ]
            })
            .collect();
        table(&mut page, &["name after the prefix", "default", "values", "option that overrides it"], &rows);
    }
    check(
        "settings.md",
        "Settings",
        "A setting is an environment variable or a line of a `.env` file, and most have an option that overrides it. The order is: command line, \
         environment, `.env` file, default. `--log-level` and `--log-format` of every command override `LOG_LEVEL` and `LOG_FORMAT`. `tradesim \
         config show` prints each setting with its value and origin. [Section 8 of the contract](../CONTRACT.md#8-settings) has the rules of \
         `.env` files.",
        &page,
    );
}

/// Advice for each exit code, in the order of the help.
const ADVICE: &[(u8, &str)] = &[
    (0, "nothing"),
    (1, "read the error; the same command may succeed later"),
    (2, "correct the command line: `tradesim COMMAND --help`"),
    (3, "read the report: it names the difference"),
    (65, "copy or record the file again; a newer file needs a newer tradesim"),
    (69, "start the server, the brokers or the registry, or correct the address"),
    (73, "choose another name, or overwrite with `--force`"),
    (78, "correct the setting that the error names: `tradesim config show`"),
    (99, "read the report: it names each threshold with the measured value"),
    (129, "run the command again"),
    (130, "run the command again"),
    (143, "run the command again"),
];

#[test]
fn reference_of_exit_codes() {
    let help = Cli::command().get_after_help().unwrap().to_string();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, list) = help.split_once("Exit codes: ").unwrap();
    // "0 done, 129, 130 and 143 stopped by a signal."
    let mut meanings: Vec<(u8, String)> = Vec::new();
    let mut unnamed = Vec::new();
    let mut words = list.trim_end_matches('.').split(' ').peekable();
    while let Some(word) = words.next() {
        let Ok(code) = word.trim_end_matches(',').parse::<u8>() else { continue };
        let mut meaning = Vec::new();
        while let Some(word) = words.next_if(|word| word.trim_end_matches(',').parse::<u8>().is_err()) {
            meaning.push(word);
        }
        unnamed.push(code);
        let meaning = meaning.join(" ").trim_end_matches(',').to_owned();
        if !meaning.is_empty() && meaning != "and" {
            meanings.extend(unnamed.drain(..).map(|code| (code, meaning.clone())));
        }
    }
    assert!(unnamed.is_empty(), "{unnamed:?} have no meaning in: {list}");
    let codes: Vec<u8> = meanings.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, ADVICE.iter().map(|(code, _)| *code).collect::<Vec<_>>());
    for failure in [
        Failure::ShownUsage,
        Failure::Configuration { what: String::new(), hint: None },
        Failure::Data { what: String::new(), hint: None },
        Failure::Unreachable { what: String::new(), hint: None },
        Failure::Interrupted { signal: libc_signal("TERM") },
        Failure::Interrupted { signal: libc_signal("INT") },
        Failure::Interrupted { signal: libc_signal("HUP") },
    ] {
        assert!(
            codes.contains(&failure.code()),
            "{failure:?} has the code {}, which the help does not list",
            failure.code()
        );
    }
    let rows: Vec<_> = meanings
        .iter()
        .zip(ADVICE)
        .map(|((code, meaning), (_, advice))| vec![code.to_string(), cell(meaning), (*advice).to_owned()])
        .collect();
    let mut page = String::new();
    table(&mut page, &["code", "meaning", "what to do"], &rows);
    check(
        "exit-codes.md",
        "Exit codes",
        "All commands use the same codes. [Section 9 of the contract](../CONTRACT.md#9-the-command-line) fixes them.",
        &page,
    );
}

fn libc_signal(name: &str) -> i32 {
    match name {
        "HUP" => signal_hook::consts::SIGHUP,
        "INT" => signal_hook::consts::SIGINT,
        _ => signal_hook::consts::SIGTERM,
    }
}

/// Returns the metrics of an OpenMetrics page as rows: name, type, labels, help.
fn metrics(page: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in page.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), Some(help)) => {
                rows.push(vec![name.to_owned(), String::new(), String::new(), cell(help)]);
            }
            (Some("#"), Some("TYPE"), Some(_), Some(kind)) => {
                let row = rows.last_mut().unwrap();
                kind.clone_into(&mut row[1]);
                // samples have these suffixes, families do not
                row[0] += match kind {
                    "counter" => "_total",
                    "info" => "_info",
                    _ => "",
                };
            }
            (Some(sample), ..) if !sample.starts_with('#') => {
                let row = rows.last_mut().unwrap();
                if let Some((_, labels)) = line.split_once('{') {
                    let labels = labels
                        .rsplit_once('}')
                        .unwrap()
                        .0
                        .split("\",")
                        .filter_map(|label| label.split('=').next());
                    row[2] =
                        labels.filter(|label| *label != "le").map(code_cell).collect::<Vec<_>>().join(", ");
                }
            }
            _ => {}
        }
    }
    for row in &mut rows {
        row[0] = code_cell(&row[0]);
    }
    rows
}

#[test]
fn reference_of_metrics() {
    let mut page = String::new();
    for (title, path, introduction) in [
        (
            "The bridge",
            "bridge/src/metrics/tests/page.txt",
            "`tradesim bridge` serves them at `/metrics` on `--metrics-port`.",
        ),
        (
            "The servers",
            "replay/src/metrics/tests/page.txt",
            "`tradesim replay` and `tradesim serve` serve them at `/metrics` on their port.",
        ),
    ] {
        write!(page, "\n## {title}\n\n{introduction}\n").unwrap();
        let rows = metrics(&fs::read_to_string(root().join(path)).unwrap());
        assert!(rows.len() > 10, "{path} lists {} metrics", rows.len());
        table(&mut page, &["metric", "type", "labels", "help"], &rows);
    }
    check(
        "metrics.md",
        "Metrics",
        "In the OpenMetrics format, which Prometheus reads. A histogram has the samples `_bucket` (with the label `le`), `_sum` and `_count`. \
         [Section 5 of the contract](../CONTRACT.md#5-the-bridge) fixes the first eight metrics of the bridge, \
         and [OPERATIONS.md](../OPERATIONS.md) explains what to watch.",
        &page,
    );
}
