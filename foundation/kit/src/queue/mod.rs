//! Queues for background work: the queue of [`db::queue`](crate::db::queue) and its API for operators.

mod api;

pub use crate::db::queue::*;
pub use api::add_routes;
