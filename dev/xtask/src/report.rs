//! The one owner of output. Everything else hands its lines to a [`Report`], so that what a command prints
//! can be found in one place.

use std::fmt::Display;

/// Where a command's lines go: standard output.
///
/// `main` makes the only one and lends it to the command.
pub struct Report;

impl Report {
    /// Print one line, or one text of several lines.
    #[expect(clippy::print_stdout, reason = "this program's purpose is to print, and it does so only here")]
    pub fn line(&mut self, line: &dyn Display) {
        println!("{line}");
    }
}
