//! Loops beside the API. Each may die at any moment, and be run twice: what they do is in rows.

pub mod exec;
pub mod housekeeping;
pub mod images;
pub mod logs;
pub mod metrics;
pub mod observe;
pub mod reconcile;
pub mod schedule;
pub mod unpin;

use std::time::Duration;

/// The first pause after a failure, as `kit`'s back-off doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
