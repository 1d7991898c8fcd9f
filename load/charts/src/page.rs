//! The web page around charts and tables.

const STYLE: &str = include_str!("page.css");

/// Returns a complete web page. `title` is a text, `body` is HTML.
pub fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{}</title><style>{STYLE}</style></head><body>{body}</body></html>\n",
        escaped(title)
    )
}

/// Escapes a text for HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_refers_to_nothing_outside() {
        let page = document("a < b", "<p>text</p>");
        assert!(page.contains("<title>a &lt; b</title>") && page.contains("<p>text</p>"));
        for word in ["http", "src=", "<script", "@import", "url("] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
