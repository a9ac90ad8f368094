//! `jobs` on its own, on every database, with a runtime that starts nothing behind a real socket.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod concurrency;
mod envvars;
mod health;
mod jobs;
mod killed;
mod metrics;
mod newer;
mod room;
mod routes;
mod runs;
mod schedules;
mod stage;
mod told;
