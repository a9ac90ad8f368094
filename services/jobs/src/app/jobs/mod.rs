//! Commands about jobs: make, change, delete, restart, pause and stop them; and a tool's end.

pub mod create;
pub mod delete;
pub mod erase;
pub mod image_updates;
pub mod pause;
pub mod pin;
pub mod restart;
pub mod stop;
