//! Jobs: what is to run, and from which image.

pub mod image;
pub mod job;
pub mod queries;
pub mod spec;

pub use image::{Image, ImageConfig};
pub use job::{Job, JobId, Kind, Schedule};
pub use queries::exists as job_exists;
pub use spec::JobSpec;
