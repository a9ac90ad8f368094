//! Renders `docs/configuration.md`: the documentation of all sections.

use super::{Section, core};

const PAGE_HEAD: &str = "\
# Configuration

One TOML file (`hearthd … --config FILE`), then environment variables, then flags; later sources override earlier ones.
An unknown key is an error with file and line. `HEARTH_SECTION__KEY` sets `section.key`: `HEARTH_DOOR__LISTEN`.

`cargo xtask spec` generates this page from the doc comments of the settings.
";

/// Renders the page: the core sections, then `sections`.
pub fn render_page(sections: &[Section]) -> String {
    let sections = sections.iter().map(Section::build_document);
    core::build_core_documents()
        .into_iter()
        .chain(sections)
        .fold(PAGE_HEAD.to_owned(), |page, section| page + &section.render_page())
}
