//! Tests of `components` on every database, with fake neighbour services.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod cancellation;
mod config;
mod crash;
mod environments;
mod events;
mod failure;
mod fake_services;
mod fixture;
mod forge_deliveries;
mod forge_webhooks;
mod input;
mod kept_images;
mod kills;
mod kinds;
mod lifecycle;
mod mandates;
mod plan;
mod preview_limits;
mod previews;
mod push_deployments;
mod queue;
mod repository_links;
mod retention;
mod retries;
mod rights;
mod several;
