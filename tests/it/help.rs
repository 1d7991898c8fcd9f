//! Help texts, completions and manual pages.

use crate::support::Folder;

#[test]
fn help_of_every_command_is_as_reviewed() {
    let folder = Folder::new();
    insta::assert_snapshot!("help", folder.ok(&["--help"]));
    for command in [
        "record",
        "info",
        "labels",
        "cat",
        "verify",
        "realism",
        "diff",
        "filter",
        "merge",
        "plant",
        "export",
        "dataset",
        "replay",
        "view",
        "serve",
        "tail",
        "capture",
        "recover",
        "control",
        "bridge",
        "publish",
        "verify-topic",
        "dlq",
        "topics",
        "schemas",
        "cluster",
        "load",
        "demo",
        "dev",
        "config",
        "completions",
        "man",
    ] {
        insta::assert_snapshot!(format!("help-{command}"), folder.ok(&[command, "--help"]));
    }
    for [command, verb] in [
        ["config", "show"],
        ["dataset", "record"],
        ["dataset", "seal"],
        ["dataset", "verify"],
        ["dataset", "digest"],
        ["dlq", "show"],
        ["dlq", "retry"],
        ["topics", "create"],
        ["topics", "verify"],
        ["topics", "tail"],
        ["schemas", "register"],
        ["schemas", "check"],
        ["schemas", "ddl"],
        ["cluster", "verify"],
        ["load", "run"],
        ["load", "list"],
        ["load", "show"],
        ["load", "compare"],
        ["dev", "broker"],
        ["dev", "registry"],
    ] {
        insta::assert_snapshot!(format!("help-{command}-{verb}"), folder.ok(&[command, verb, "--help"]));
    }
}

#[test]
fn help_before_a_command_prints_the_help_of_that_command() {
    let folder = Folder::new();
    assert_eq!(folder.ok(&["help"]), folder.ok(&["--help"]));
    assert_eq!(folder.ok(&["help", "record"]), folder.ok(&["record", "--help"]));
    assert_eq!(folder.ok(&["help", "topics", "create"]), folder.ok(&["topics", "create", "--help"]));
    folder.run(&["help", "recrod"]).fails(2, "unrecognized subcommand 'recrod'");
}

#[test]
fn completions_exist_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = folder.ok(&["completions", shell]);
        assert!(script.contains("tradesim") && script.contains("no-mmap"), "{shell}");
    }
}

#[test]
fn manual_pages_exist_for_every_command() {
    let folder = Folder::new();
    assert!(folder.ok(&["man"]).contains(".TH tradesim 1"));
    folder.ok(&["man", "-o", "man/pages"]);
    for page in ["tradesim.1", "tradesim-record.1", "tradesim-config-show.1", "tradesim-export.1"] {
        assert!(folder.path("man/pages").join(page).exists(), "{page}");
    }
}

#[test]
fn the_version_is_printed() {
    assert_eq!(Folder::new().ok(&["--version"]), format!("tradesim {}\n", env!("CARGO_PKG_VERSION")));
}
