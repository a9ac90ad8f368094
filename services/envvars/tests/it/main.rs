//! Tests of `envvars` alone, on every database.
#![expect(clippy::unwrap_used, reason = "a test panics on unexpected results")]

mod changes;
mod envvars;
mod fake_jobs;
mod former_values;
mod keys;
mod secrets;
mod stage;
