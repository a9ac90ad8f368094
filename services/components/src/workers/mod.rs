//! Loops beside the API.

pub mod deploy;
