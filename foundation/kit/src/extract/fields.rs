//! Deserialization that reports every invalid field at once.

use hearth_base::{Error, ErrorKind};
use serde::de::DeserializeOwned;

/// Maximum number of fields in one error.
const MAX_NAMED_FIELDS: usize = 20;

/// A document with named fields.
pub trait FieldDocument {
    /// Tries to deserialize a `T` and collects the paths of unknown fields. An error is the path of the invalid field
    /// (`.` for the document itself) and the reason.
    fn try_deserialize<T: DeserializeOwned>(&self, unknown: &mut Vec<String>) -> Result<T, (String, String)>;

    /// Removes a top-level field, so that the others can be checked. Returns false when there is no such field.
    fn remove_field(&mut self, field: &str) -> bool;
}

/// Deserializes a `T` from `document`. Error `invalid-fields` (unprocessable) names every invalid and every unknown
/// field. `noun` is the word for a field in errors: `field` or `query parameter`.
pub fn read_fields<T: DeserializeOwned>(mut document: impl FieldDocument, noun: &str) -> Result<T, Error> {
    let mut refused: Vec<String> = Vec::new();
    loop {
        let mut unknown = Vec::new();
        let read = document.try_deserialize(&mut unknown);
        let unknown = unknown
            .into_iter()
            .map(|path| format!("there is no {noun} {}", escape_name(&strip_unnamed_segments(&path))));
        let (path, reason) = match read {
            Ok(value) => {
                refused.extend(unknown);
                return if refused.is_empty() { Ok(value) } else { Err(build_refusal(refused)) };
            }
            Err(failure) => failure,
        };
        if path == "." {
            // A field is missing, or the document has no fields. A field that is missing because it was invalid and
            // removed has been reported already.
            let is_reported = parse_missing_field(&reason).is_some_and(|field| {
                let field = format!("{noun} {}:", escape_name(field));
                refused.iter().any(|sentence| sentence.starts_with(&field))
            });
            if !is_reported {
                refused.push(reason);
            }
            refused.extend(unknown);
            return Err(build_refusal(refused));
        }
        refused.push(format!("{noun} {}: {reason}", escape_name(&path)));
        let outermost = path.split(['.', '[']).next().unwrap_or(&path);
        if refused.len() >= MAX_NAMED_FIELDS || !document.remove_field(outermost) {
            return Err(build_refusal(refused));
        }
    }
}

fn parse_missing_field(reason: &str) -> Option<&str> {
    reason.strip_prefix("missing field `")?.split('`').next()
}

/// Builds the error `invalid-fields` with these sentences.
pub fn build_refusal(mut sentences: Vec<String>) -> Error {
    sentences.truncate(MAX_NAMED_FIELDS);
    let mut sentences = sentences.into_iter();
    let first = sentences.next().unwrap_or_else(|| "the request is invalid".to_owned());
    let error = Error::new(ErrorKind::Unprocessable, "invalid-fields", first)
        .help("see /openapi.json for the fields of this endpoint");
    sentences.fold(error, |error, sentence| error.and_message(sentence))
}

/// Removes the segments `?` from a path, which stand for options and variants' content.
fn strip_unnamed_segments(path: &str) -> String {
    path.split('.').filter(|name| *name != "?").collect::<Vec<_>>().join(".")
}

/// Shortens a client's field name and escapes control characters.
fn escape_name(name: &str) -> String {
    let cut: String = name.chars().take(80).collect();
    cut.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::{Value, json};

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "the test only deserializes it")]
    struct Sample {
        name: hearth_base::ToolName,
        size: u32,
        #[serde(default)]
        note: String,
        #[serde(default)]
        shape: Option<Shape>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "the test only deserializes it")]
    #[serde(rename_all = "lowercase")]
    enum Shape {
        Square(Square),
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "the test only deserializes it")]
    struct Square {
        side: u32,
    }

    fn read_error_sentences(document: Value) -> Vec<String> {
        read_fields::<Sample>(document, "field")
            .err()
            .map_or_else(Vec::new, |error| error.public_messages().map(str::to_owned).collect())
    }

    #[test]
    fn every_invalid_field_is_named() {
        let found = read_error_sentences(json!({"name": "-x", "size": "big", "note": 3, "colour": 1}));
        for field in ["name", "size", "note"] {
            assert!(
                found.iter().any(|sentence| sentence.starts_with(&format!("field {field}:"))),
                "{found:?}"
            );
        }
        assert!(found.iter().any(|sentence| sentence == "there is no field colour"), "{found:?}");
    }

    #[test]
    fn nested_field_is_named() {
        let sample = |shape: Value| read_error_sentences(json!({"name": "hello", "size": 1, "shape": shape}));
        assert_eq!(sample(json!({"square": {"side": 1, "hue": 2}})), ["there is no field shape.hue"]);
        let sentences = sample(json!({"square": {"side": "x"}}));
        assert!(sentences[0].starts_with("field shape.square.side:"), "{sentences:?}");
    }

    #[test]
    fn missing_field_is_named() {
        assert_eq!(read_error_sentences(json!({"name": "hello"})), ["missing field `size`"]);
        assert!(
            read_error_sentences(json!([]))[0].contains("invalid"),
            "{:?}",
            read_error_sentences(json!([]))
        );
    }

    #[test]
    fn names_from_clients_are_escaped() {
        let found = read_error_sentences(json!({"name": "hello", "size": 1, "\u{1b}[31m": 1}));
        assert_eq!(found, ["there is no field \\u{1b}[31m"]);
    }
}
