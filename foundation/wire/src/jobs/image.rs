//! Images that jobs can use.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An image that a job can use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Image)]
pub struct Image {
    /// What a job's `imagename` says.
    pub shortname: String,
    /// The whole name.
    pub image: String,
}

/// Images that jobs can use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Images)]
pub struct JobsImages {
    /// Provided ones, then the tool's own.
    pub images: Vec<Image>,
}
