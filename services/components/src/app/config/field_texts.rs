//! Texts of fields: their parts, and their form in sentences.

use hearth_base::Error;

use super::document::quote_value;

/// Parses a number of seconds, or one with the unit `s`, `m` or `h`.
pub fn parse_seconds(text: &str) -> Option<u64> {
    let (number, factor) = match text.as_bytes().last()? {
        b's' => (&text[..text.len() - 1], 1),
        b'm' => (&text[..text.len() - 1], 60),
        b'h' => (&text[..text.len() - 1], 3600),
        _ => (text, 1),
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(factor)
}

/// True if a URL may have this byte.
pub fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^')
}

/// Writes a key: as it is if it is a plain word, otherwise quoted.
pub fn quote_key(key: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !key.is_empty() && key.len() <= 60 && key.bytes().all(is_plain) {
        key.to_owned()
    } else {
        quote_value(key)
    }
}

/// Joins words for a sentence: `a, b or c`.
pub fn join_choices(words: &[&str]) -> String {
    match words {
        [] => "no keys".to_owned(),
        [word] => (*word).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Describes the rule of a name: what is expected, and a valid one where there is one.
pub fn describe_name_rule(error: &Error) -> String {
    let sentence = error.public_message();
    let rule = sentence.rsplit_once(": ").map_or(sentence, |(_, rule)| rule);
    match error.suggested_value() {
        Some(valid) => format!("expected {rule}, as in {valid}"),
        None => format!("expected {rule}"),
    }
}
