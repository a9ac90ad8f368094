//! Background workers. Each may stop at any moment and may run in several processes: their state is in the
//! database.

pub mod credentials;
pub mod exec;
pub mod housekeeping;
pub mod images;
pub mod logs;
pub mod metrics;
pub mod observe;
pub mod previews;
pub mod reconcile;
pub mod schedule;
pub mod unpin;

use std::time::Duration;

/// Pause after the first failure; kit's back-off doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
