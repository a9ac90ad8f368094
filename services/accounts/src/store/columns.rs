//! Ids, names and lists as columns: text in every database.

use std::{fmt::Display, str::FromStr};

use hearth_base::{Error, Result};

/// Reads a column back that was written from a checked value.
pub fn read<T: FromStr>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::internal(format!("the column {column} holds what it never was given")))
}

/// Reads a column that may be empty.
pub fn read_some<T: FromStr>(column: &'static str, text: Option<&str>) -> Result<Option<T>> {
    text.map(|text| read(column, text)).transpose()
}

/// The text of a value that may be absent.
pub fn write_some<T: Display>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}
