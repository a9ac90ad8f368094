//! Background workers. Each may die at any moment, and be repeated: the state is in rows.

pub mod deliver;
pub mod follow;
pub mod gather;
pub mod housekeeping;
pub mod mail;

use hearth_kit::queue::{RetryPolicy, TaskSettings};
use jiff::SignedDuration;

/// An item is retried for ever: no mail or delivery is lost because another service did not answer. Items are recorded one
/// at a time, because each locks its tool.
const TASK_SETTINGS: TaskSettings = TaskSettings {
    record_batch: 1,
    retry: RetryPolicy::forever(SignedDuration::from_secs(30)),
    ..TaskSettings::DEFAULT
};
