//! Tests of the builder with a scripted runtime and fake services, and of the real outbound proxy.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod builds;
mod failures;
mod fetch_script;
mod fixture;
mod image_script;
mod inputs;
mod package_index;
mod package_registry;
mod package_sources;
mod prepared_images;
mod private_sources;
mod proxy;
mod runtime;
mod sbom;
mod source_fixture;
mod unpack_script;
