//! `hearthd settings`: every setting with its default and meaning.

use hearth_base::Result;
use hearth_kit::config::render_page;

use crate::{out, services::setting_sections};

/// Prints the page `docs/configuration.md`.
pub fn run() -> Result<()> {
    out::result(render_page(&setting_sections()).trim_end());
    Ok(())
}
