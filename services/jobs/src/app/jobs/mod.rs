//! Commands: create, change, delete, restart, pause, stop and restore jobs; erase a deleted tool.

pub mod create;
pub mod delete;
pub mod erase;
pub mod image_updates;
pub mod page_sleep;
pub mod pause;
pub mod pin;
pub mod previews;
pub mod restart;
pub mod restore;
pub mod stop;
