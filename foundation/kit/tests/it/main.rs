//! What services share of databases, on every database, and of the blob store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod blobs;
mod consumers;
mod each;
mod events;
mod migrate;
mod old_rows;
mod queue;
mod tool_state;
mod wake;
