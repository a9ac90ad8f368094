//! Tests that run each fuzz target for a few seconds. `HEARTH_TEST_SEED` repeats the same inputs.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod folders;
mod target_survival;
