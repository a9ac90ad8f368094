//! Rendering of single values as YAML.

use serde_json::Value;

/// Renders an entry of a map in braces, with the keys that lead to it; `None` for a map.
pub fn render_flow_entry(path: &[String], value: &Value) -> Option<String> {
    let (last, keys) = path.split_last()?;
    let entry = format!("{last}: {}", render_value(value)?);
    Some(keys.iter().rev().fold(entry, |entry, key| format!("{key}: {{{entry}}}")))
}

/// Renders a value on one line; `None` for a map.
pub fn render_value(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::String(text) => Some(render_text(text)),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(render_value).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
    }
}

/// Renders a text: without quotes if it is read as the same text, also in brackets.
fn render_text(text: &str) -> String {
    let is_single_line = !text.chars().any(char::is_control);
    let read = serde_saphyr::from_str::<Value>(&format!("[{text}]"));
    let is_plain = is_single_line
        && !text.starts_with(['"', '\'', '[', '{', '&', '*', '!'])
        && !text.contains(['#', '"', '\''])
        && read.is_ok_and(|read| read == serde_json::json!([text]));
    match (is_plain, is_single_line) {
        (true, _) => text.to_owned(),
        (false, true) => format!("'{}'", text.replace('\'', "''")),
        // A JSON text is one in YAML too.
        (false, false) => Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_only_if_needed() {
        for (text, rendered) in [
            ("./serve --port $PORT", "./serve --port $PORT"),
            ("1.10", "'1.10'"),
            ("true", "'true'"),
            ("", "''"),
            ("a, b", "'a, b'"),
            ("@daily", "'@daily'"),
            ("a: b", "'a: b'"),
            ("it's", "'it''s'"),
            ("a\nb", "\"a\\nb\""),
        ] {
            assert_eq!(render_text(text), rendered);
        }
    }
}
