//! The only place that prints. Commands pass their lines to a [`Report`].

use std::fmt::Display;

/// Prints the lines of a command to standard output. `main` creates the only one.
pub struct Report;

impl Report {
    /// Print one line, or one text of several lines.
    #[expect(clippy::print_stdout, reason = "this program's purpose is to print, and it does so only here")]
    pub fn print_line(&mut self, line: &dyn Display) {
        println!("{line}");
    }
}
