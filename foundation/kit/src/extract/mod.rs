//! What handlers take from a request. Each extractor names every field that it refuses.

mod fields;
mod json;
mod param;
mod query;

pub use json::Json;
pub use param::Param;
pub use query::Query;
