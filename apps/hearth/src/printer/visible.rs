//! Making visible what a terminal would obey instead of showing.

/// `text` with every character that moves, hides or reorders others written out, on one line.
pub fn visible(text: &str) -> String {
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

/// JSON with the characters that JSON lets pass and a terminal obeys, as JSON escapes them.
pub fn escaped(json: &str) -> String {
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

/// Control characters, and those that change the direction of others or take no room. All are below U+10000.
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
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(visible("a\x1b[31mb\u{202e}c\nd\u{9b}"), r"a\u{1b}[31mb\u{202e}c\nd\u{9b}");
        assert_eq!(visible("Größe 日本 👩‍🚀"), "Größe 日本 👩‍🚀");
    }

    #[test]
    fn json_stays_json() -> Result<(), serde_json::Error> {
        let text = "a\u{9b}\u{7f}\u{202e}\"\n";
        let json = escaped(&serde_json::to_string(text)?);
        assert!(json.is_ascii());
        assert_eq!(serde_json::from_str::<String>(&json)?, text);
        Ok(())
    }
}
