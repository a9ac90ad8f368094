//! `jobs` alone, on every database, with a fake runtime behind a real socket.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at its first failure")]

mod concurrency;
mod credentials;
mod environments;
mod envvars;
mod events;
mod faults;
mod harness;
mod health;
mod image_updates;
mod jobs;
mod metrics;
mod outcomes;
mod page_sleep;
mod previews;
mod quota;
mod routes;
mod runs;
mod schedule_history;
mod schedules;
