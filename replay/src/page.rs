//! The page for people: one HTML file with its style and script inside, made of the small files in `page/`
//! (docs/adr/0031-the-page.md).
//!
//! The files are put together when the first browser asks, so building the program needs no other tool. A script is an
//! ES module that tests import without a browser; here each becomes a function of its own in one script.

mod gzip;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use tradesim_schemas::sha256;

/// The modules, each after those that it imports.
const MODULES: [(&str, &str); 12] = [
    ("format.js", include_str!("page/format.js")),
    ("dom.js", include_str!("page/dom.js")),
    ("canvas.js", include_str!("page/canvas.js")),
    ("server.js", include_str!("page/server.js")),
    ("outline.js", include_str!("page/outline.js")),
    ("timeline.js", include_str!("page/timeline.js")),
    ("series.js", include_str!("page/series.js")),
    ("market.js", include_str!("page/market.js")),
    ("candles.js", include_str!("page/candles.js")),
    ("clients.js", include_str!("page/clients.js")),
    ("symbol.js", include_str!("page/symbol.js")),
    ("main.js", include_str!("page/main.js")),
];

/// The page as it is sent.
#[derive(Debug)]
pub(crate) struct Page {
    /// The HTML.
    pub(crate) html: Bytes,
    /// The same, compressed with gzip.
    pub(crate) gzip: Bytes,
    /// The value of `Content-Security-Policy`: only this script and this style, and only this server.
    pub(crate) policy: String,
}

impl Page {
    /// Returns the page.
    pub(crate) fn get() -> &'static Page {
        static PAGE: OnceLock<Page> = OnceLock::new();
        PAGE.get_or_init(Page::new)
    }

    fn new() -> Page {
        let style = include_str!("page/style.css");
        let script = MODULES.iter().map(|(name, text)| as_function(name, text)).collect::<String>();
        let html = include_str!("page/index.html").replace("{{style}}", style).replace("{{script}}", &script);
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'",
            source_of(&script),
            source_of(style),
        );
        Page { gzip: Bytes::from(gzip::compress(html.as_bytes())), html: Bytes::from(html), policy }
    }
}

/// Returns a module as a statement of the one script: a function that returns what the module exports. Only two forms
/// are used, each in one line: `import { a, b } from "./name.js";`, and `export` before a declaration.
fn as_function(name: &str, module: &str) -> String {
    let mut body = String::new();
    let mut exports = Vec::new();
    for line in module.lines() {
        if let Some((names, from)) = line.strip_prefix("import ").and_then(|line| line.split_once(" from ")) {
            let from = from.trim_start_matches("\"./").trim_end_matches("\";");
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
fn declared(line: &str) -> Option<&str> {
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
fn source_of(inline: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(sha256(inline.as_bytes())))
}
