//! Checks and conversions of free text.

use std::ops::RangeInclusive;

use crate::{Error, Result};

/// Rejects a text that is too short or too long (in characters, without surrounding whitespace), or that
/// contains control characters: a terminal would execute them, and not every database accepts them. `subject`
/// names the text in the error.
pub fn check_plain_text(subject: &str, text: &str, length: RangeInclusive<usize>) -> Result<()> {
    if text.chars().any(|symbol| symbol.is_control() && symbol != '\n') {
        return Err(Error::invalid("text-control", format!("the {subject} contains control characters"))
            .help("remove them"));
    }
    if !length.contains(&text.trim().chars().count()) {
        let (least, max_chars) = (length.start(), length.end());
        return Err(Error::invalid(
            "text-length",
            format!("the {subject} has an invalid length: expected {least} to {max_chars} characters"),
        )
        .help("change its length"));
    }
    Ok(())
}

/// Removes colours and other control sequences (ECMA-48, CSI) and control characters from a line that a program
/// wrote for a terminal. Tabs stay.
pub fn strip_terminal_codes(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut symbols = line.chars().peekable();
    while let Some(symbol) = symbols.next() {
        if symbol == '\u{1b}' && symbols.next_if_eq(&'[').is_some() {
            // The final byte of a sequence is 0x40 to 0x7e.
            let _final_byte = symbols.find(|symbol| ('@'..='~').contains(symbol));
        } else if symbol == '\t' || !symbol.is_control() {
            text.push(symbol);
        }
    }
    text
}

/// Converts untrusted text to one line of at most `max_chars` characters: control characters and line ends
/// become spaces, and `…` marks a cut. For mail headers, tables and sentences.
pub fn to_single_line(text: &str, max_chars: usize) -> String {
    let breaks = |symbol: char| symbol.is_control() || matches!(symbol, '\u{2028}' | '\u{2029}');
    // The input may be very long: only as much as decides about the cut is read.
    let start = text.trim_start_matches(|symbol: char| symbol.is_whitespace() || breaks(symbol));
    let line: String =
        start.chars().take(max_chars + 1).map(|symbol| if breaks(symbol) { ' ' } else { symbol }).collect();
    match line.chars().count() > max_chars {
        true => line.chars().take(max_chars.saturating_sub(1)).chain(['…']).collect(),
        false => line.trim_end().to_owned(),
    }
}

/// Cuts a text to at most `max_bytes` bytes of whole characters, and marks the cut by `…` (3 further bytes).
pub fn cut_text(text: &mut String, max_bytes: usize) {
    if text.len() > max_bytes {
        text.truncate(text.floor_char_boundary(max_bytes));
        text.push('…');
    }
}

/// Joins the first `max_names` names for a sentence, and counts the others: `a, b and 3 more`.
pub fn join_first_names<T: AsRef<str>>(names: &[T], max_names: usize) -> String {
    let listed: Vec<&str> = names.iter().take(max_names).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(max_names) {
        0 => listed.join(", "),
        others => format!("{} and {others} more", listed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_names_are_counted() {
        let names = ["a", "b", "c", "d"];
        assert_eq!(join_first_names(&names, 2), "a, b and 2 more");
        assert_eq!(join_first_names(&names, 4), "a, b, c, d");
        assert_eq!(join_first_names(&names[..0], 4), "");
    }

    #[test]
    fn terminal_codes_are_removed_as_a_whole() {
        assert_eq!(strip_terminal_codes("\u{1b}[1;31mboom\u{7}\u{1b}[0m\tend"), "boom\tend");
        assert_eq!(strip_terminal_codes("\u{1b}[33mPress CTRL+C to quit\u{1b}[0m"), "Press CTRL+C to quit");
        assert_eq!(strip_terminal_codes("cut off \u{1b}[31"), "cut off ");
        assert_eq!(strip_terminal_codes("plain [1] é"), "plain [1] é");
    }

    #[test]
    fn single_line_has_no_control_characters() {
        assert_eq!(to_single_line(" a\r\nBcc: b\u{1b}[1m\u{85}c\u{2028}d\0 ", 50), "a  Bcc: b [1m c d");
        assert_eq!(
            (to_single_line("abcd", 4), to_single_line("abcde", 4)),
            ("abcd".to_owned(), "abc…".to_owned())
        );
        assert_eq!(to_single_line("", 4), "");
    }

    #[test]
    fn text_is_cut_between_characters() {
        // `é` has 2 bytes, `日` 3.
        for (text, max_bytes, cut) in [
            ("abcd", 4, "abcd"),
            ("abcde", 4, "abcd…"),
            ("abé", 4, "abé"),
            ("abcé", 4, "abc…"),
            ("a日日", 4, "a日…"),
            ("a日日", 6, "a日…"),
            ("日", 0, "…"),
            ("", 0, ""),
        ] {
            let mut text = text.to_owned();
            cut_text(&mut text, max_bytes);
            assert_eq!(text, cut, "{max_bytes}");
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for text in ["\u{1b}[31m", "a\0b", "\r", "\u{9b}1m"] {
            assert!(check_plain_text("note", text, 0..=50).is_err(), "{text:?}");
        }
        assert!(check_plain_text("note", "two\nlines, ünïcödé", 0..=50).is_ok());
        assert!(check_plain_text("label", "  ", 1..=50).is_err());
    }
}
