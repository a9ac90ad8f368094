//! Upstream registries, whose images are pulled through this one: their names and paths, sign-in and requests.
//!
//! Nothing of an upstream's answer reaches a client except content whose digest was checked, its media type, and
//! names of tags.

mod answers;
mod blob_fetch;
mod client;
mod path;
mod registry;
mod settings;
mod sign_in;
mod work;

pub use answers::{RetryAfter, build_invalid_answer_error, is_upstream_away};
pub use blob_fetch::{BlobFetch, BlobFetches, FetchGuard, FetchReader};
pub use client::{UpstreamClient, UpstreamRequest};
pub use path::{UpstreamPath, UpstreamRepository, UpstreamResource};
pub use registry::Upstream;
pub use settings::{ImagePrefix, UpstreamName, UpstreamSettings, UpstreamUrl};
pub use sign_in::{parse_challenge, parse_token};
pub use work::UpstreamWork;
