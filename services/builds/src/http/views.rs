//! How things look on the wire.

use hearth_wire::builds as wire;
use jiff::Timestamp;

use crate::store;

/// A build.
pub fn build(build: store::Build) -> wire::Build {
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
        start_time: time(started),
        end_time: time(ended),
        parameters,
        destination_image,
        resolved_ref,
        step,
        processes,
        created: time(Some(created)),
    }
}

/// An instant to the second, or nothing.
fn time(instant: Option<Timestamp>) -> String {
    instant.map_or_else(String::new, |instant| format!("{instant:.0}"))
}

/// An upload.
pub fn source(source: &store::Source) -> wire::Source {
    let store::Source { id, tool: _, blob: _, digest, size, created: _, expires } = source;
    wire::Source { id: *id, digest: digest.to_string(), size: *size, expires: *expires }
}
