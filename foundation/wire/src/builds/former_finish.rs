//! Form of release 0.1.0 in which builders report the end of a build. It stays readable for builders of that release, and
//! is sent to services of that release.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::internal::{BuildFinish, BuildLeaseOutcome};

/// End of a build, or of one attempt, in the form of release 0.1.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::FormerFinish)]
pub struct FormerBuildFinish {
    /// Ticket of the lease.
    pub ticket: String,
    /// Outcome.
    pub end: FormerBuildOutcome,
}

/// Outcome of a build, or of one attempt, in the form of release 0.1.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::FormerOutcome)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum FormerBuildOutcome {
    /// The image was built.
    Made {
        /// Digest of its manifest.
        digest: String,
        /// Full name of the image, with its digest.
        image: String,
        /// Processes of the image by name.
        processes: BTreeMap<String, String>,
        /// Detected build plan, for users.
        message: String,
    },
    /// The source cannot be built.
    Failed {
        /// Reason, for users.
        message: String,
    },
    /// The work has been stopped, as ordered.
    Stopped,
    /// An error outside the source; another attempt may succeed.
    Again {
        /// Error, for users.
        message: String,
    },
}

impl From<FormerBuildFinish> for BuildFinish {
    fn from(former: FormerBuildFinish) -> Self {
        let FormerBuildFinish { ticket, end } = former;
        let outcome = match end {
            FormerBuildOutcome::Made { digest, image, processes, message } => BuildLeaseOutcome::Succeeded {
                digest,
                image,
                processes,
                message,
                inputs: None,
                materials: None,
                comparison: None,
            },
            FormerBuildOutcome::Failed { message } => BuildLeaseOutcome::Failed { message },
            FormerBuildOutcome::Stopped => BuildLeaseOutcome::Stopped,
            FormerBuildOutcome::Again { message } => BuildLeaseOutcome::Retry { message },
        };
        Self { ticket, outcome, failure: None }
    }
}

impl From<BuildFinish> for FormerBuildFinish {
    /// Leaves out what services of release 0.1.0 do not know: explanation, inputs, materials and comparison.
    fn from(finish: BuildFinish) -> Self {
        let BuildFinish { ticket, outcome, failure: _ } = finish;
        let end = match outcome {
            BuildLeaseOutcome::Succeeded { digest, image, processes, message, .. } => {
                FormerBuildOutcome::Made { digest, image, processes, message }
            }
            BuildLeaseOutcome::Failed { message } => FormerBuildOutcome::Failed { message },
            BuildLeaseOutcome::Stopped => FormerBuildOutcome::Stopped,
            BuildLeaseOutcome::Retry { message } => FormerBuildOutcome::Again { message },
        };
        Self { ticket, end }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn form_of_release_0_1_0_is_read_and_written() -> Result<(), serde_json::Error> {
        for (former, newer) in [
            (
                json!({"end": "made", "digest": "sha256:01", "image": "a/b@sha256:01", "processes": {"web": "run"},
                    "message": "a plan"}),
                json!({"kind": "succeeded", "digest": "sha256:01", "image": "a/b@sha256:01",
                    "processes": {"web": "run"}, "message": "a plan"}),
            ),
            (json!({"end": "failed", "message": "no"}), json!({"kind": "failed", "message": "no"})),
            (json!({"end": "stopped"}), json!({"kind": "stopped"})),
            (json!({"end": "again", "message": "later"}), json!({"kind": "retry", "message": "later"})),
        ] {
            let former = json!({"ticket": "t", "end": former});
            let read: FormerBuildFinish = serde_json::from_value(former.clone())?;
            let finish = BuildFinish::from(read);
            assert_eq!(serde_json::to_value(&finish)?, json!({"ticket": "t", "outcome": newer}));
            assert_eq!(serde_json::to_value(FormerBuildFinish::from(finish))?, former);
        }
        Ok(())
    }
}
