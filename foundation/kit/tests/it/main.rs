//! What services share of databases, on every database, and of the blob store.

mod blobs;
mod each;
mod feed;
mod migrate;
mod wake;
mod work;
