//! Puts a page together from its files: one HTML file with its style and its script inside.
//!
//! A script is a list of ES modules that tests import without a browser; here each becomes a function of its own in one
//! script, so building the program needs no other tool.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;

use tradesim_schemas::sha256;

use super::gzip;

/// The name of a module's file, and its text. Only two forms are used for what modules share, each in one line:
/// `import { a, b } from "./name.js";`, and `export` before a declaration.
pub type Module = (&'static str, &'static str);

/// A page without the data that it shows.
#[derive(Debug)]
pub struct Bundle {
    template: &'static str,
    style: String,
    script: String,
}

/// A page as it is sent.
#[derive(Debug)]
pub struct Page {
    /// The HTML.
    pub(crate) html: Bytes,
    /// The same, compressed with gzip.
    pub(crate) gzip: Bytes,
    /// The value of `Content-Security-Policy`: only this script and this style, and only this server.
    pub(crate) policy: String,
}

impl Bundle {
    /// Puts a page together. In `template`, `{{style}}` and `{{script}}` stand for the style and the script. Each module
    /// comes after those that it imports.
    ///
    /// # Panics
    /// If a module imports one that does not come before it.
    pub fn new(template: &'static str, style: String, modules: impl IntoIterator<Item = Module>) -> Bundle {
        let mut script = String::new();
        let mut known = Vec::new();
        for (name, text) in modules {
            for from in text.lines().filter_map(imported).map(|(_, from)| from) {
                assert!(known.contains(&from), "{name} imports {from}, which does not come before it");
            }
            script += &as_function(name, text);
            known.push(name);
        }
        Bundle { template, style, script }
    }

    /// Returns the page for a server. `texts` are the values of the other places in the template: HTML.
    ///
    /// # Panics
    /// If a place of the template has no value.
    pub fn page(&self, texts: &[(&str, &str)]) -> Page {
        let html = self.fill(texts);
        let policy =
            format!("{}; connect-src 'self'; {}; frame-ancestors 'none'", self.sources(), Self::NOWHERE);
        Page { gzip: Bytes::from(gzip::compress(html.as_bytes())), html: Bytes::from(html), policy }
    }

    /// Returns the page as a file that needs no server. `{{policy}}` in the template stands for its policy: only this
    /// script and this style, and no connections.
    ///
    /// # Panics
    /// As [`Bundle::page`].
    pub fn file(&self, texts: &[(&str, &str)]) -> String {
        let policy = format!("{}; {}", self.sources(), Self::NOWHERE);
        let policy = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">");
        self.fill(&[texts, &[("policy", policy.as_str())]].concat())
    }

    /// Directives that `default-src` does not include.
    const NOWHERE: &str = "base-uri 'none'; form-action 'none'";

    /// Returns the directives of the script and the style.
    fn sources(&self) -> String {
        let (script, style) = (source_of(&self.script), source_of(&self.style));
        format!("default-src 'none'; script-src '{script}'; style-src '{style}'")
    }

    /// Replaces each `{{name}}` of the template. Values are not searched: they may contain anything.
    fn fill(&self, texts: &[(&str, &str)]) -> String {
        let mut parts = self.template.split("{{");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once("}}").expect("a place in a template has an end");
            out += match name {
                "style" => &self.style,
                "script" => &self.script,
                name => texts
                    .iter()
                    .find_map(|(known, text)| (*known == name).then_some(text))
                    .unwrap_or_else(|| panic!("no value for {name}")),
            };
            out += rest;
        }
        out
    }
}

impl Page {
    /// Returns the HTML.
    pub fn html(&self) -> &[u8] {
        &self.html
    }
}

/// Returns the names that a line imports, and the file from which.
fn imported(line: &str) -> Option<(&str, &str)> {
    let (names, from) = line.strip_prefix("import ")?.split_once(" from ")?;
    let from = from.trim_start_matches('"').trim_end_matches("\";");
    Some((names, from.rsplit('/').next().unwrap_or(from)))
}

/// Returns a module as a statement of the one script: a function that returns what the module exports.
pub(super) fn as_function(name: &str, module: &str) -> String {
    let mut body = String::new();
    let mut exports = Vec::new();
    for line in module.lines() {
        if let Some((names, from)) = imported(line) {
            body += &format!("const {names} = {};\n", variable(from));
        } else if let Some(declaration) = line.strip_prefix("export ") {
            exports.extend(declared(declaration));
            body += &format!("{declaration}\n");
        } else {
            body += &format!("{line}\n");
        }
    }
    format!("const {} = (() => {{\n{body}return {{ {} }};\n}})();\n", variable(name), exports.join(", "))
}

/// Returns the name that a declaration declares.
pub(super) fn declared(line: &str) -> Option<&str> {
    let rest = ["const ", "function ", "async function ", "class "]
        .iter()
        .find_map(|word| line.strip_prefix(word))?;
    rest.split(|char: char| !char.is_alphanumeric() && char != '_').next()
}

/// Returns the variable that holds what a module exports.
fn variable(module: &str) -> String {
    format!("{}Module", module.trim_end_matches(".js"))
}

/// Returns the source expression of an inline script or style (CSP Level 3, section 2.3.1).
pub(super) fn source_of(inline: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(sha256(inline.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "{{policy}}<style>{{style}}</style>{{data}}<script>{{script}}</script>";

    #[test]
    fn data_is_not_searched_for_places() {
        let bundle = Bundle::new(TEMPLATE, "a{}".to_owned(), [("main.js", "f();")]);
        let file = bundle.file(&[("data", "{{script}} {{data}}")]);
        assert!(file.contains("</style>{{script}} {{data}}<script>const mainModule"), "{file}");
        assert!(
            file.starts_with("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ")
        );
        assert!(!file.contains("connect-src") && !file.contains("unsafe"), "{file}");
        let page = bundle.page(&[("data", "null"), ("policy", "")]);
        assert!(page.policy.contains("connect-src 'self'; ") && page.html.starts_with(b"<style>"));
    }

    #[test]
    fn modules_of_other_folders_are_known_by_their_file_name() {
        let module = "import { a } from \"../../other/src/page/format.js\";";
        let modules = [("format.js", "export const a = 1;"), ("main.js", module)];
        assert!(Bundle::new("", String::new(), modules).script.contains("const { a } = formatModule;"));
    }

    #[test]
    #[should_panic = "main.js imports late.js, which does not come before it"]
    fn a_module_that_comes_too_late_is_a_bug() {
        let modules = [("main.js", "import { a } from \"./late.js\";"), ("late.js", "export const a = 1;")];
        let _ = Bundle::new("", String::new(), modules);
    }
}
