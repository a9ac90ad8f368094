//! The monitor of one container: copies its output to the log spool, enforces its time limit, and writes its
//! exit file.
//!
//! The same code runs in two places: in the small program that each container's helper executes (`main.rs`),
//! and in the helper itself if it cannot execute that program. Therefore it uses no standard library and
//! allocates no memory.
#![cfg_attr(not(test), no_std)]

mod clock;
mod counter;
mod exit_file;
mod parameters;
mod spool;
mod stream;
mod wait;

pub use counter::{Counter, parse_counter};
pub use exit_file::{ContainerEnd, EXIT_FILE};
pub use parameters::{BAD_ARGUMENTS_STATUS, WaiterParameters};
pub use spool::{FRAME_HEADER_BYTES, LineSource, LogPosition, LogSpool, PARTIAL_LINE_BIT, begin_log};
pub use stream::{MAX_LINE_BYTES, STREAM_BUFFER_BYTES};
pub use wait::{EXIT_NOTICE, run_waiter};
