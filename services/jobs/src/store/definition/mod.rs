//! Jobs with their specs and images.

pub mod image;
pub mod job;
pub mod queries;
pub mod spec;

pub use image::{ImageConfig, ResolvedImage};
pub use job::{Job, JobId, JobKind, JobPage, JobSchedule};
pub use queries::job_exists_error;
pub use spec::JobSpec;
