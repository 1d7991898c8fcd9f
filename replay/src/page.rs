//! Pages for people: HTML files with their style and script inside, made of the small files in `page/`
//! (docs/adr/0031-the-page.md).
//!
//! The player's page is served here. Pages of other crates use the same [modules](SHARED), the same [style](STYLE) and the
//! same way of [putting them together](Bundle) (docs/adr/0036-one-page-for-a-load.md).

mod bundle;
mod gzip;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

pub use bundle::{Bundle, Module, Page};

pub use crate::http::page::{answer, is_for_this_machine};

/// The modules for any page: numbers and times as text, the document, canvases.
pub const SHARED: [Module; 3] = [
    ("format.js", include_str!("page/format.js")),
    ("dom.js", include_str!("page/dom.js")),
    ("canvas.js", include_str!("page/canvas.js")),
];

/// The style of any page: its themes and elements, and those of the player.
pub const STYLE: &str = include_str!("page/style.css");

/// The modules of the player's page.
const PLAYER: [Module; 9] = [
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

impl Page {
    /// Returns the player's page.
    pub(crate) fn get() -> &'static Page {
        static PAGE: OnceLock<Page> = OnceLock::new();
        PAGE.get_or_init(|| {
            let template = include_str!("page/index.html");
            Bundle::new(template, STYLE.to_owned(), SHARED.into_iter().chain(PLAYER)).page(&[])
        })
    }
}
