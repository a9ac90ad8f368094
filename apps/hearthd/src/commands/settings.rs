//! `hearthd settings`: prints all settings with defaults and descriptions.

use hearth_base::Result;
use hearth_kit::config::render_page;

use crate::{console, services::setting_sections};

/// Prints the page `docs/configuration.md`.
pub fn run() -> Result<()> {
    console::print_result(render_page(&setting_sections()).trim_end());
    Ok(())
}
