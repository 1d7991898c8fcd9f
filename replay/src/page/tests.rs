use std::collections::BTreeMap;

use super::{
    bundle::{as_function, declared, source_of},
    *,
};

fn html() -> &'static str {
    std::str::from_utf8(&Page::get().html).unwrap()
}

#[test]
fn the_page_is_one_file_that_names_no_other() {
    let html = html();
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
    assert_eq!((html.matches("<script").count(), html.matches("</script").count()), (1, 1));
    assert_eq!((html.matches("<style").count(), html.matches("</style").count()), (1, 1));
    for other in ["{{", "http://", "https://", "src=", "url(", "@import", "import {", "\nexport "] {
        assert!(!html.contains(other), "{other}");
    }
}

#[test]
fn the_policy_names_the_script_and_the_style_by_their_hashes() {
    let html = html();
    let inner = |tag: &str| {
        let from = html.find(&format!("<{tag}")).unwrap();
        let from = from + html[from..].find('>').unwrap() + 1;
        &html[from..html.find(&format!("</{tag}>")).unwrap()]
    };
    let policy = &Page::get().policy;
    assert!(policy.contains(&format!("script-src '{}';", source_of(inner("script")))), "{policy}");
    assert!(policy.contains(&format!("style-src '{}';", source_of(inner("style")))), "{policy}");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    // what a policy with hashes would block
    for inline in ["style=\"", "onclick", "onload", "javascript:"] {
        assert!(!html.contains(inline), "{inline}");
    }
}

#[test]
fn texts_of_others_never_become_markup() {
    for sink in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
    ] {
        assert!(!html().contains(sink), "{sink}");
    }
}

#[test]
fn a_module_becomes_a_function_of_what_it_imports() {
    let module = "import { a, b } from \"./other.js\";\n\nconst hidden = a;\nexport const shown = hidden + b;\nexport class Kept {}\n";
    assert_eq!(
        as_function("mine.js", module),
        "const mineModule = (() => {\nconst { a, b } = otherModule;\n\nconst hidden = a;\nconst shown = hidden + b;\n\
         class Kept {}\nreturn { shown, Kept };\n})();\n"
    );
}

#[test]
fn modules_import_what_earlier_ones_export() {
    let mut exports: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (module, text) in SHARED.into_iter().chain(PLAYER) {
        for line in text.lines().filter_map(|line| line.strip_prefix("import ")) {
            let import = line.strip_suffix("\";").and_then(|line| line.split_once(" from \"./"));
            let (names, from) = import.unwrap_or_else(|| panic!("{module}: an import is one line: {line}"));
            let known =
                exports.get(from).unwrap_or_else(|| panic!("{module} imports {from}, which comes later"));
            for name in names.trim_matches(['{', '}', ' ']).split(", ") {
                assert!(known.contains(&name), "{module}: {from} does not export {name}");
            }
        }
        let exported = text.lines().filter_map(|line| line.strip_prefix("export "));
        let exported = exported.map(|line| declared(line).unwrap_or_else(|| panic!("{module}: {line}")));
        exports.insert(module, exported.collect());
    }
}

#[test]
fn the_page_is_small() {
    let page = Page::get();
    assert!(page.gzip.len() < 40_000 && page.gzip.len() * 2 < page.html.len(), "{}", page.gzip.len());
}
