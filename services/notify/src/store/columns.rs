//! Ids, names and documents as columns.

use std::str::FromStr;

use hearth_base::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Reads a column back that was written from a checked value.
pub fn read<T: FromStr>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::internal(format!("the column {column} holds what it never was given")))
}

/// Reads a document, or a word, back.
pub fn read_json<T: DeserializeOwned>(column: &'static str, json: Value) -> Result<T> {
    serde_json::from_value(json).map_err(|cause| Error::internal(format!("the column {column}: {cause}")))
}

/// A document for a column.
pub fn write_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(Error::internal)
}

/// A count for a column.
pub fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A count from a column.
pub fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
