//! Reading a document field by field, so that all that is wrong can be said at once.

use hearth_base::{Error, Kind};
use serde::de::DeserializeOwned;

/// The most fields that one refusal names.
const NAMED: usize = 20;

/// Something that fields are read from.
pub trait Document {
    /// Tries to read a `T`, collecting the paths of fields that it does not know. A failure is the path of the
    /// field that was refused (`.` for the document itself) and the reason.
    fn attempt<T: DeserializeOwned>(&self, unknown: &mut Vec<String>) -> Result<T, (String, String)>;

    /// Removes a field, so that the rest can be read; false when there is none to remove.
    fn take_out(&mut self, field: &str) -> bool;
}

/// Reads a `T` out of `document`. Unknown fields are refused too, by name. `noun` says what a field is called
/// here: a field, a query parameter.
pub fn read<T: DeserializeOwned>(mut document: impl Document, noun: &str) -> Result<T, Error> {
    let mut refused: Vec<String> = Vec::new();
    loop {
        let mut unknown = Vec::new();
        let read = document.attempt(&mut unknown);
        let unknown =
            unknown.into_iter().map(|path| format!("there is no {noun} {}", shown(&without_gaps(&path))));
        let (path, reason) = match read {
            Ok(value) => {
                refused.extend(unknown);
                return if refused.is_empty() { Ok(value) } else { Err(refusal(refused)) };
            }
            Err(failure) => failure,
        };
        if path == "." {
            // A field is missing, or there are no fields at all. A field that is missing only because it was
            // refused and taken out has been named already.
            let named = missing(&reason).is_some_and(|field| {
                let field = format!("{noun} {}:", shown(field));
                refused.iter().any(|sentence| sentence.starts_with(&field))
            });
            if !named {
                refused.push(reason);
            }
            refused.extend(unknown);
            return Err(refusal(refused));
        }
        refused.push(format!("{noun} {}: {reason}", shown(&path)));
        let outermost = path.split(['.', '[']).next().unwrap_or(&path);
        if refused.len() >= NAMED || !document.take_out(outermost) {
            return Err(refusal(refused));
        }
    }
}

fn missing(reason: &str) -> Option<&str> {
    reason.strip_prefix("missing field `")?.split('`').next()
}

fn refusal(mut sentences: Vec<String>) -> Error {
    sentences.truncate(NAMED);
    let mut sentences = sentences.into_iter();
    let first = sentences.next().unwrap_or_else(|| "the request cannot be read".to_owned());
    let error = Error::new(Kind::Unprocessable, "invalid-fields", first)
        .help("see /openapi.json for what this takes");
    sentences.fold(error, |error, sentence| error.also(sentence))
}

/// A path without the marks of what has no name: an option, a variant's content.
fn without_gaps(path: &str) -> String {
    path.split('.').filter(|name| *name != "?").collect::<Vec<_>>().join(".")
}

/// A field's name from outside: cut, and without what a terminal would obey.
fn shown(name: &str) -> String {
    let cut: String = name.chars().take(80).collect();
    cut.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::{Value, json};

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Sample {
        name: hearth_base::ToolName,
        size: u32,
        #[serde(default)]
        note: String,
        #[serde(default)]
        shape: Option<Shape>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    #[serde(rename_all = "lowercase")]
    enum Shape {
        Square(Square),
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Square {
        side: u32,
    }

    fn sentences(document: Value) -> Vec<String> {
        read::<Sample>(document, "field")
            .err()
            .map_or_else(Vec::new, |error| error.sentences().map(str::to_owned).collect())
    }

    #[test]
    fn every_refused_field_is_named() {
        let found = sentences(json!({"name": "-x", "size": "big", "note": 3, "colour": 1}));
        for field in ["name", "size", "note"] {
            assert!(
                found.iter().any(|sentence| sentence.starts_with(&format!("field {field}:"))),
                "{found:?}"
            );
        }
        assert!(found.iter().any(|sentence| sentence == "there is no field colour"), "{found:?}");
    }

    #[test]
    fn a_field_within_a_field_is_named() {
        let sample = |shape: Value| sentences(json!({"name": "hello", "size": 1, "shape": shape}));
        assert_eq!(sample(json!({"square": {"side": 1, "hue": 2}})), ["there is no field shape.hue"]);
        let said = sample(json!({"square": {"side": "x"}}));
        assert!(said[0].starts_with("field shape.square.side:"), "{said:?}");
    }

    #[test]
    fn a_missing_field_is_named() {
        assert_eq!(sentences(json!({"name": "hello"})), ["missing field `size`"]);
        assert!(sentences(json!([]))[0].contains("invalid"), "{:?}", sentences(json!([])));
    }

    #[test]
    fn names_from_outside_hold_nothing_that_a_terminal_obeys() {
        let found = sentences(json!({"name": "hello", "size": 1, "\u{1b}[31m": 1}));
        assert_eq!(found, ["there is no field \\u{1b}[31m"]);
    }
}
