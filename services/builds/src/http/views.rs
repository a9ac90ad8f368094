//! Conversions from stored values to API values.

use hearth_wire::builds as wire;
use jiff::Timestamp;

use crate::store;

/// Renders a build.
pub fn render_build(build: store::Build) -> wire::Build {
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
        digest: _,
        processes,
        created,
        started,
        ended,
        deadline: _,
        settled: _,
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
    }
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
