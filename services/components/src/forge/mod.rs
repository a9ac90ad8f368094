//! Webhooks of forges: their signatures and payloads, and the requests that set commit statuses. No I/O.
//!
//! | forge | event | id of the delivery | signature |
//! |---|---|---|---|
//! | GitHub | `X-GitHub-Event` | `X-GitHub-Delivery` | `X-Hub-Signature-256: sha256=HEX`, HMAC-SHA256 of the body |
//! | Gitea, Forgejo | `X-Gitea-Event`, `X-Forgejo-Event` | `X-Gitea-Delivery`, `X-Forgejo-Delivery` | `X-Gitea-Signature`, `X-Forgejo-Signature`: bare hexadecimal HMAC-SHA256 of the body |
//! | GitLab | `X-Gitlab-Event` | `X-Gitlab-Event-UUID` | `X-Gitlab-Token`: the secret itself |
//!
//! None of them signs a time. A repeated delivery is recognized by its id, and a late one does no harm because the newest
//! commit of the ref is deployed.

mod address;
mod headers;
mod merge_request;
mod path_pattern;
mod payload;
mod signature;
mod status;

pub use address::{is_same_repository, parse_repository};
pub use headers::{read_delivery_id, read_event};
pub use merge_request::{
    MergeRequestAction, MergeRequestEvent, find_merge_request, format_merge_request_ref,
};
pub use path_pattern::{PathPattern, matches_any};
pub use payload::{ForgeEvent, PushEvent, parse_event};
pub use signature::{SignatureCheck, check_signature};
pub use status::{CommitState, build_status_request};

/// The prefix of the refs of branches.
const BRANCH_PREFIX: &str = "refs/heads/";
/// The maximum length of a ref, in bytes.
const MAX_REF_BYTES: usize = 250;
/// The maximum length of a commit id: SHA-256 in hexadecimal.
const MAX_COMMIT_CHARACTERS: usize = 64;
