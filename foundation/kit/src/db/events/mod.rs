//! The tables of events: the [`Stream`] of a service, and the stored cursors of those that it consumes. Consumers are in
//! [`events`](crate::events).

mod cursor;
mod stream;
mod tables;

pub use cursor::EventCursor;
pub(crate) use stream::EVENT_GAP_CODE;
pub use stream::{NewEvent, Stream};
pub use tables::{CreateEventCursors, CreateEvents};
