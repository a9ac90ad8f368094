//! Extractors of handlers' arguments. Their errors name every invalid field.

mod fields;
mod json;
mod param;
mod query;

pub use json::Json;
pub use param::Param;
pub use query::Query;
