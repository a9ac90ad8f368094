//! Streams of events: what happened in a service, in an order that never changes, for services that must miss nothing.
//!
//! A service appends to its [`Stream`] in the transaction of the effect. Other services read a topic of it by HTTP: with
//! a [`Consumer`], which stores its cursor in the transaction of its own effect or keeps it in memory, or with a
//! [`TopicReader`] where a loop only waits for a change.

mod consumer;
mod reader;

pub use crate::db::events::*;
pub use consumer::{Consumer, EventHandler, Resume, ViewHandler};
pub use reader::TopicReader;
