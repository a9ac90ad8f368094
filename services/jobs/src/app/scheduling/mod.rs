//! Schedules: computes due times, starts their runs and records the outcome of each.

pub mod due;
mod due_search;
pub mod events;
pub mod history;
pub mod schedule;
