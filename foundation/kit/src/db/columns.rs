//! Conversion between column values and checked types: ids, names, enums, JSON documents, counts.
//!
//! Values are validated before they are written. A column that cannot be parsed was not written by Hearth and is an
//! internal error.

use std::{fmt::Display, str::FromStr};

use hearth_base::{Error, Result};
use sea_orm::{
    ColumnTrait, DatabaseBackend,
    sea_query::{Expr, ExprTrait, Func},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Parses a text column that was written from a validated value. `column` is the column's name in errors.
pub fn parse_column<T: FromStr>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| build_corrupt_column_error(column))
}

/// Parses a nullable text column.
pub fn parse_optional_column<T: FromStr>(column: &'static str, text: Option<&str>) -> Result<Option<T>> {
    text.map(|text| parse_column(column, text)).transpose()
}

/// Converts an optional value into the text of a nullable column.
pub fn to_optional_text<T: Display>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

/// Deserializes a JSON column.
pub fn parse_json<T: DeserializeOwned>(column: &'static str, json: Value) -> Result<T> {
    serde_json::from_value(json).map_err(|cause| build_corrupt_column_error(column).with_cause(cause))
}

/// Serializes a value for a JSON column.
pub fn to_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(Error::internal)
}

/// Parses an enum from a text column; the text is the serialized name, such as `running`.
pub fn parse_enum<T: DeserializeOwned>(column: &'static str, text: String) -> Result<T> {
    parse_json(column, Value::String(text))
}

/// Converts an enum into the text of a column: its serialized name.
pub fn to_enum_text(value: &impl Serialize) -> Result<String> {
    match to_json(value)? {
        Value::String(word) => Ok(word),
        _ => Err(Error::internal("the value does not serialize to a string")),
    }
}

/// Converts a column that is never negative; a negative number becomes 0.
pub fn to_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Converts a number for a column; a number above `i64::MAX` becomes `i64::MAX`.
pub fn to_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The sum of an integer column, cast to 64 bits: PostgreSQL and MariaDB return sums in a decimal type.
pub fn sum_column(backend: DatabaseBackend, column: impl ColumnTrait) -> Expr {
    column.sum().cast_as(name_integer_type(backend))
}

/// The sum of the lengths of a column of bytes, cast to 64 bits.
pub fn sum_lengths(backend: DatabaseBackend, column: impl ColumnTrait) -> Expr {
    let length = Func::cust("LENGTH").arg(column.into_expr());
    Func::sum(length).cast_as(name_integer_type(backend))
}

fn name_integer_type(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::MySql => "SIGNED",
        _ => "bigint",
    }
}

fn build_corrupt_column_error(column: &'static str) -> Error {
    Error::internal(format!("the column {column} has an invalid value"))
}
