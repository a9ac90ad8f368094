//! Sandboxed runs: started once however often they are asked for, followed, and adopted after a restart.

mod feed;
mod follow;
mod id;

pub use feed::{archive, feed};
pub use follow::{Runs, WANTED};
pub use id::run_id;
