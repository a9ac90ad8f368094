//! Tests of kit's database features on every database, of the blob store, and of the limits of connections.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panic")]

mod blobs;
mod bulk_update;
mod consumers;
mod events;
mod migrate;
mod old_rows;
mod queue;
mod server;
mod tool_state;
mod wake;
