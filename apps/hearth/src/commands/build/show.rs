//! `hearth build show [ID]`.

use hearth_base::{BuildId, Result};
use hearth_wire::builds::{Build, BuildFailure, BuildFailureClass, BuildQueuePlace, BuildStatus};

use super::{
    describe_build_state, describe_source,
    image_layers::{ImageSize, fetch_image_size},
    instant_cell,
};
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth build show`.
#[derive(Debug, clap::Args)]
pub struct ShowBuildArgs {
    /// The build; default: the newest
    id: Option<BuildId>,
}

/// Shows the build.
pub async fn run(cx: &CommandContext, args: ShowBuildArgs) -> Result<()> {
    let result = cx.printer.open_output::<Build>()?;
    let session = cx.open_tool_session()?;
    let build = super::find_build(&session, args.id).await?;
    let size = fetch_image_size(&session, &build).await?;
    result.print_record(&build, &build_table(&build, size.as_ref()))?;
    match build.status {
        BuildStatus::BuildSuccess => {}
        BuildStatus::BuildPending | BuildStatus::BuildRunning => {
            cx.printer.print_next("hearth build logs -f")
        }
        _ => cx.printer.print_next(&format!("hearth build logs {}", build.build_id)),
    }
    Ok(())
}

fn build_table(build: &Build, size: Option<&ImageSize>) -> Table {
    let mut rows = vec![
        ("build", Cell::from(build.build_id.to_string())),
        ("state", Cell::from(describe_build_state(build))),
        ("source", Cell::from(describe_source(build))),
        ("began", instant_cell(&build.start_time)),
        ("ended", instant_cell(&build.end_time)),
    ];
    let image = if build.destination_image.is_empty() { "-" } else { &build.destination_image };
    rows.push(("image", Cell::from(image)));
    rows.extend(size.into_iter().flat_map(ImageSize::list_rows));
    if let Some(sbom) = &build.sbom {
        rows.push((
            "contents",
            Cell::from(format!("{} packages; hearth build sbom lists them", sbom.packages)),
        ));
    }
    rows.extend(build.outside_builder.as_deref().map(|name| ("builder", Cell::from(name))));
    if let Some(place) = &build.queue {
        rows.push(("queue", Cell::from(describe_queue_place(place))));
    }
    if let Some(BuildFailure { class, line, next_step }) = &build.failure {
        rows.push(("cause", Cell::from(describe_failure_class(*class))));
        rows.extend(line.as_deref().map(|line| ("line", Cell::from(line))));
        rows.push(("to do", Cell::from(next_step.as_str())));
    }
    if !build.message.is_empty() {
        rows.push(("message", Cell::from(build.message.as_str())));
    }
    let processes = build.processes.iter().map(|(name, line)| format!("{name}: {line}"));
    rows.extend(processes.map(|process| ("process", Cell::from(process))));
    Table::from_pairs(rows)
}

/// Describes the place of a waiting build, and when it is expected to begin.
fn describe_queue_place(place: &BuildQueuePlace) -> String {
    let BuildQueuePlace { position, expected_wait } = place;
    match expected_wait {
        None => format!("place {position}; no builder is running"),
        Some(seconds @ 0..90) => format!("place {position}; begins in about {seconds} s"),
        Some(seconds) => format!("place {position}; begins in about {} min", seconds.div_ceil(60)),
    }
}

/// Describes the class of a failure.
fn describe_failure_class(class: BuildFailureClass) -> &'static str {
    match class {
        BuildFailureClass::Source => "the source could not be fetched",
        BuildFailureClass::Plan => "the source has no valid build plan",
        BuildFailureClass::DependencyNotFound => "a dependency was not found",
        BuildFailureClass::CompileError => "a compiler refused the source",
        BuildFailureClass::Network => "a server could not be reached",
        BuildFailureClass::OutOfMemory => "the memory of a build was not enough",
        BuildFailureClass::OutOfDisk => "the disk is full",
        BuildFailureClass::Timeout => "the build took too long",
        BuildFailureClass::StartCommandMissing => "the image would have no start command",
        BuildFailureClass::CommandFailed => "a command of the build failed",
    }
}
