//! Background workers. Each can be interrupted and repeated at any point: the state is in rows.

pub mod deliver;
pub mod events;
pub mod gather;
pub mod housekeeping;
pub mod mail;

use hearth_kit::queue::{RetryPolicy, TaskSettings};
use jiff::SignedDuration;

/// Items are retried without limit: an outage of another service loses no mail or delivery. Items are
/// recorded one at a time, because each locks its tool.
const TASK_SETTINGS: TaskSettings = TaskSettings {
    max_record_batch: 1,
    retry: RetryPolicy::with_unlimited_attempts(SignedDuration::from_secs(30)),
    ..TaskSettings::DEFAULT
};
