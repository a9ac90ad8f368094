//! What services share of databases, on every database.

mod feed;
mod migrate;
mod work;
