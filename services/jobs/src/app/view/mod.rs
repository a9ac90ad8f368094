//! Views of jobs for the API, with their status.

pub mod envvars;
pub mod show;
pub mod status;
