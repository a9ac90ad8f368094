//! The rules. No HTTP, no SQL.

pub mod blobs;
pub mod collect;
pub mod erase;
pub mod layout;
pub mod manifests;
pub mod meaning;
pub mod parse;
pub mod pins;
pub mod provided;
pub mod resolve;
pub mod tags;
pub mod uploads;
