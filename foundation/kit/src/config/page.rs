//! `docs/configuration.md`: the documents of all sections.

use super::{Section, core};

const PAGE_HEAD: &str = "\
# Configuration

One TOML file (`hearthd … --config FILE`), then environment variables, then flags; the later wins. A key that does
not exist is refused with its file and line. `HEARTH_SECTION__KEY` sets `section.key`: `HEARTH_DOOR__LISTEN`.

This page is written by `cargo xtask spec` from the comments beside the settings.
";

/// The whole page: what every process reads, then these sections.
pub fn render_page(sections: &[Section]) -> String {
    let sections = sections.iter().map(Section::document);
    core::documents()
        .into_iter()
        .chain(sections)
        .fold(PAGE_HEAD.to_owned(), |page, section| page + &section.render())
}
