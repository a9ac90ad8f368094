//! Images for jobs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An image that a job can use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Image)]
pub struct JobImage {
    /// Name for the `imagename` of a job.
    pub shortname: String,
    /// Full name.
    pub image: String,
}

/// Images for jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Images)]
pub struct JobsImages {
    /// Provided images, then the tool's own.
    pub images: Vec<JobImage>,
}
