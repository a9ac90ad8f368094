//! Schedules: when a job is due, and what became of each due time.

pub mod due;
pub mod events;
pub mod history;
pub mod schedule;
