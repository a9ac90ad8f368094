//! Jobs as they are shown: what they are, and how.

pub mod envvars;
pub mod show;
pub mod status;
