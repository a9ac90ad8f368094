//! What waits for one container: takes its lines into the spool, ends it at its time limit, writes down how it ended.
//!
//! The code is there once and runs in two places: in the small program that each container's helper becomes
//! (`main.rs`), and in the helper itself where it can't become that. So it knows no standard library, and allocates
//! nothing.
#![cfg_attr(not(test), no_std)]

mod count;
mod exit;
mod moment;
mod plan;
mod spool;
mod stream;
mod wait;

pub use count::{Counter, count};
pub use exit::{EXIT, How};
pub use plan::{Plan, UNTOLD};
pub use spool::{HEAD, Kind, PARTIAL, Place, Spool, begin};
pub use stream::{LONGEST, ROOM};
pub use wait::{NEWS, run};
