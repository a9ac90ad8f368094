//! Ids, names, words and documents as columns: text in every database. What a column holds was checked before it was
//! written; what is there and cannot be read back was never written by Hearth.

use std::{fmt::Display, str::FromStr};

use hearth_base::{Error, Result};
use sea_orm::{
    ColumnTrait, DatabaseBackend,
    sea_query::{Expr, ExprTrait},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Reads a column back that was written from a checked value.
pub fn read<T: FromStr>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| corrupt(column))
}

/// Reads a column that may be empty.
pub fn read_some<T: FromStr>(column: &'static str, text: Option<&str>) -> Result<Option<T>> {
    text.map(|text| read(column, text)).transpose()
}

/// The text of a value that may be absent.
pub fn write_some<T: Display>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

/// Reads a document back.
pub fn read_json<T: DeserializeOwned>(column: &'static str, json: Value) -> Result<T> {
    serde_json::from_value(json).map_err(|cause| corrupt(column).because(cause))
}

/// A document for a column.
pub fn write_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(Error::internal)
}

/// Reads a word of the wire back, such as a state.
pub fn read_word<T: DeserializeOwned>(column: &'static str, text: String) -> Result<T> {
    read_json(column, Value::String(text))
}

/// A word of the wire as text.
pub fn write_word(value: &impl Serialize) -> Result<String> {
    match write_json(value)? {
        Value::String(word) => Ok(word),
        _ => Err(Error::internal("a word is no word")),
    }
}

/// A number that is never negative, from a column.
pub fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A number that is never negative, for a column.
pub fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The sum of a column of whole numbers, as one: servers add them up in a wider type.
pub fn sum_of(backend: DatabaseBackend, column: impl ColumnTrait) -> Expr {
    let integer = match backend {
        DatabaseBackend::MySql => "SIGNED",
        _ => "bigint",
    };
    column.sum().cast_as(integer)
}

fn corrupt(column: &'static str) -> Error {
    Error::internal(format!("the column {column} holds what it never was given"))
}
