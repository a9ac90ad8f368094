//! Tables of events: the [`EventStream`] of a service, and the stored cursors of its consumers. The consumers
//! themselves are in [`events`](crate::events).

mod cursor;
mod stream;
mod tables;

pub use cursor::EventCursor;
pub(crate) use stream::EVENT_GAP_CODE;
pub use stream::{EventStream, NewEvent};
pub use tables::{CreateEventCursors, CreateEvents};
