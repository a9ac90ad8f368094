//! Text that people write about things.

use std::ops::RangeInclusive;

use crate::{Error, Result};

/// Refuses a text that is too short or too long (in characters, blank ends not counted), or that holds control
/// characters: a terminal would obey them, and not every database takes them. `what` names it in the refusal.
pub fn plain_text(what: &str, text: &str, length: RangeInclusive<usize>) -> Result<()> {
    if text.chars().any(|symbol| symbol.is_control() && symbol != '\n') {
        return Err(Error::invalid(
            "text-control",
            format!("the {what} holds characters that cannot be seen"),
        )
        .help("leave them out"));
    }
    if !length.contains(&text.trim().chars().count()) {
        let (least, most) = (length.start(), length.end());
        return Err(Error::invalid("text-length", format!("the {what} has {least} to {most} characters"))
            .help("say it in other words"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_refused() {
        for text in ["\u{1b}[31m", "a\0b", "\r", "\u{9b}1m"] {
            assert!(plain_text("note", text, 0..=50).is_err(), "{text:?}");
        }
        assert!(plain_text("note", "two\nlines, ünïcödé", 0..=50).is_ok());
        assert!(plain_text("label", "  ", 1..=50).is_err());
    }
}
