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

/// Untrusted text as one line of at most `most` characters: control characters and ends of lines become spaces, and
/// what is cut off becomes `…`. For headers of mail, tables and sentences.
pub fn one_line(text: &str, most: usize) -> String {
    let breaks = |symbol: char| symbol.is_control() || matches!(symbol, '\u{2028}' | '\u{2029}');
    // What is cut off may be long: no more of it is looked at than tells that something is.
    let start = text.trim_start_matches(|symbol: char| symbol.is_whitespace() || breaks(symbol));
    let line: String =
        start.chars().take(most + 1).map(|symbol| if breaks(symbol) { ' ' } else { symbol }).collect();
    match line.chars().count() > most {
        true => line.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => line.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_whatever_is_in_it() {
        assert_eq!(one_line(" a\r\nBcc: b\u{1b}[1m\u{85}c\u{2028}d\0 ", 50), "a  Bcc: b [1m c d");
        assert_eq!((one_line("abcd", 4), one_line("abcde", 4)), ("abcd".to_owned(), "abc…".to_owned()));
        assert_eq!(one_line("", 4), "");
    }

    #[test]
    fn what_a_terminal_would_obey_is_refused() {
        for text in ["\u{1b}[31m", "a\0b", "\r", "\u{9b}1m"] {
            assert!(plain_text("note", text, 0..=50).is_err(), "{text:?}");
        }
        assert!(plain_text("note", "two\nlines, ünïcödé", 0..=50).is_ok());
        assert!(plain_text("label", "  ", 1..=50).is_err());
    }
}
