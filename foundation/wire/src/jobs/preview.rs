//! The preview that a job is part of.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Membership of a job in a preview. The job is called `NAME--pr-NUMBER`; it is isolated from its tool, and is deleted
/// at the end of the preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::JobPreview)]
pub struct JobPreview {
    /// End of the preview (RFC 3339), at most 30 days ahead; the job is deleted then.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

impl JobPreview {
    /// The longest time from a request to the end of its preview.
    pub const MAX_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
}
