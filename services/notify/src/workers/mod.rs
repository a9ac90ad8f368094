//! What goes on beside answering. Each may die at any moment, and be repeated: the state is in rows.

pub mod deliver;
pub mod follow;
pub mod gather;
pub mod housekeeping;
pub mod mail;

use hearth_kit::queue::{RetryPolicy, TaskSettings};
use jiff::SignedDuration;

/// What another service was in the way of is tried again for ever: nothing that people are to be told is lost because a
/// service was away. One item is recorded at a time, for each locks its tool.
const SETTINGS: TaskSettings = TaskSettings {
    record_batch: 1,
    retry: RetryPolicy::forever(SignedDuration::from_secs(30)),
    ..TaskSettings::DEFAULT
};
