//! Runs: outcomes from reported instance states, views, events and mail about them.

pub mod events;
pub mod find;
pub mod notice;
pub mod outcome;
pub mod view;
