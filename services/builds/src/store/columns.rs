//! Ids, names and documents as columns: text in every database.

use std::str::FromStr;

use hearth_base::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Reads a column back that was written from a checked value.
pub fn read<T: FromStr>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| corrupt(column))
}

/// Reads a document back.
pub fn read_json<T: DeserializeOwned>(column: &'static str, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|cause| corrupt(column).because(cause))
}

/// A document as a column.
pub fn write_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(Error::internal)
}

/// A word of the wire as text, such as a status.
pub fn write_word(value: &impl Serialize) -> Result<String> {
    match write_json(value)? {
        Value::String(word) => Ok(word),
        _ => Err(Error::internal("a word is no word")),
    }
}

/// Reads such a word back.
pub fn read_word<T: DeserializeOwned>(column: &'static str, text: String) -> Result<T> {
    read_json(column, Value::String(text))
}

fn corrupt(column: &'static str) -> Error {
    Error::internal(format!("the column {column} holds what it never was given"))
}
