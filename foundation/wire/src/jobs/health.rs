//! How to find out that a job is ready.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How to find out that a job is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::HealthCheck)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum HealthCheck {
    /// A line for the shell inside the container; it is ready when that ends with 0.
    Script {
        /// The line.
        script: String,
    },
    /// A request to the job's port; it is ready when the answer's status is 200 to 399.
    Http {
        /// The path, as in `/healthz`.
        path: String,
    },
}
