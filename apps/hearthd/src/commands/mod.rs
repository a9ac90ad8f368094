//! What hearthd can be told to do, a file each.

pub mod openapi;
pub mod serve;
pub mod up;
