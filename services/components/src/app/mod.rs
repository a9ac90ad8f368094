//! The rules. No HTTP, no SQL.

pub mod after;
pub mod cancel;
pub mod create;
pub mod drive;
pub mod end;
pub mod erase;
pub mod steps;
pub mod undo;
pub mod view;
pub mod watch;
