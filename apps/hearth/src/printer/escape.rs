//! Escapes of control characters that a terminal would obey.

/// Escapes every character that moves, hides or reorders others; the result is one line.
pub fn escape_hidden(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for symbol in text.chars() {
        match symbol {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            other if is_hidden(other) => shown.extend(other.escape_unicode()),
            other => shown.push(other),
        }
    }
    shown
}

/// Splits a text at its line ends and escapes each line; an empty text is one empty line.
pub fn escape_lines(text: &str) -> impl Iterator<Item = String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(|line| escape_hidden(line.strip_suffix('\r').unwrap_or(line)))
}

/// Escapes control characters that JSON allows and a terminal would obey, as JSON escapes.
pub fn escape_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for symbol in json.chars() {
        if symbol != '\n' && is_hidden(symbol) {
            shown.push_str(&format!("\\u{:04x}", u32::from(symbol)));
        } else {
            shown.push(symbol);
        }
    }
    shown
}

/// Returns true for control characters, direction marks and characters of no width. All are below U+10000.
fn is_hidden(symbol: char) -> bool {
    symbol.is_control()
        || matches!(symbol,
            '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escape_hidden("a\x1b[31mb\u{202e}c\nd\u{9b}"), r"a\u{1b}[31mb\u{202e}c\nd\u{9b}");
        assert_eq!(escape_hidden("Größe 日本 👩‍🚀"), "Größe 日本 👩‍🚀");
    }

    #[test]
    fn lines_are_split_and_escaped() {
        let lines = |text: &str| escape_lines(text).collect::<Vec<_>>();
        assert_eq!(lines("a\r\nb\u{1b}\n"), ["a", r"b\u{1b}"]);
        assert_eq!(lines(""), [""]);
    }

    #[test]
    fn escaped_json_parses_to_the_same_value() -> Result<(), serde_json::Error> {
        let text = "a\u{9b}\u{7f}\u{202e}\"\n";
        let json = escape_json(&serde_json::to_string(text)?);
        assert!(json.is_ascii());
        assert_eq!(serde_json::from_str::<String>(&json)?, text);
        Ok(())
    }
}
