//! The rules of deployments, without HTTP and SQL.

pub mod cancel;
pub mod cleanup;
pub mod commit_statuses;
pub mod completion;
pub mod config;
pub mod create;
pub mod environments;
pub mod events;
pub mod finalize;
pub mod forge_deliveries;
pub mod kept_images;
pub mod link_secrets;
pub mod notice;
pub mod plan;
pub mod push_deployments;
pub mod repository_links;
pub mod request;
pub mod revision_spec;
pub mod rollback;
pub mod runner;
pub mod running;
pub mod steps;
pub mod view;
pub mod watch;
