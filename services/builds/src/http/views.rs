//! Conversions from stored values to API values.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};
use hearth_wire::builds as wire;
use jiff::Timestamp;

use crate::{app, context::BuildsContext, store};

/// Renders a build with its place in the queue, if it waits.
fn render_build(build: store::Build, queue: Option<wire::BuildQueuePlace>) -> wire::Build {
    let store::Build {
        id,
        tool: _,
        tool_name: _,
        status,
        step,
        message,
        attempt: _,
        parameters,
        resolved_ref,
        full_ref: _,
        source_size: _,
        destination_image,
        digest,
        processes,
        created,
        started,
        ended,
        deadline: _,
        settled: _,
        expected: _,
        builder: _,
        failure,
        inputs: _,
        reused_build,
        image_record,
        outside_builder,
        of_deployment: _,
    } = build;
    wire::Build {
        build_id: id,
        status,
        message,
        start_time: format_time(started),
        end_time: format_time(ended),
        parameters,
        destination_image,
        resolved_ref,
        step,
        processes,
        created: format_time(Some(created)),
        queue,
        failure,
        reused_build,
        sbom: image_record.find_sbom(digest).cloned(),
        reproduction: image_record.describe_reproduction(),
        outside_builder,
    }
}

/// Renders builds with the places of those that wait.
pub async fn render_builds(cx: &BuildsContext, builds: Vec<store::Build>) -> Result<Vec<wire::Build>> {
    let is_pending = |build: &store::Build| build.status == wire::BuildStatus::BuildPending;
    let places = match builds.iter().any(is_pending) {
        true => app::queue::compute_places(cx).await?,
        false => BTreeMap::new(),
    };
    let render = |build: store::Build| {
        let place = places.get(&build.id).copied().filter(|_| is_pending(&build));
        render_build(build, place)
    };
    Ok(builds.into_iter().map(render).collect())
}

/// Renders one build.
pub async fn render_one(cx: &BuildsContext, build: store::Build) -> Result<wire::BuildOne> {
    let rendered = render_builds(cx, vec![build]).await?.pop();
    rendered.map(|build| wire::BuildOne { build }).ok_or_else(|| Error::internal("a build was not rendered"))
}

/// Formats a time to the second; an absent time is empty.
fn format_time(instant: Option<Timestamp>) -> String {
    instant.map_or_else(String::new, |instant| format!("{instant:.0}"))
}

/// Renders an upload.
pub fn render_source(source: &store::UploadedSource) -> wire::UploadedFolder {
    let store::UploadedSource { id, tool: _, blob: _, digest, size, created: _, expires } = source;
    wire::UploadedFolder { id: *id, digest: digest.to_string(), size: *size, expires: *expires }
}
