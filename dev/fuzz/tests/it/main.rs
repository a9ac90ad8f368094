//! Every fuzz target, for a few seconds each. `HEARTH_TEST_SEED` draws the same inputs again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod folders;
mod survives;
