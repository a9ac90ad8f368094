//! Event streams: ordered, gap-free streams of a service's changes for other services.
//!
//! A service appends events to its [`EventStream`] in the transaction of the effect. Other services read a topic over
//! HTTP: with an [`EventConsumer`], whose cursor is stored in the transaction of its own effect or kept in memory, or
//! with a [`TopicReader`] in loops that only wait for a change.

mod consumer;
mod reader;

pub use crate::db::events::*;
pub use consumer::{EventConsumer, EventHandler, ResumePosition, ViewHandler};
pub use reader::TopicReader;
