//! Background work of services. The queue itself is in [`db::queue`](crate::db::queue); here is what operators reach it
//! by.

mod api;

pub use crate::db::queue::*;
pub use api::add_routes;
