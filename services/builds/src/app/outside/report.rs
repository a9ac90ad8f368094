//! Reports of outside builders. Every report proves itself by the credential of the current attempt; a late, repeated or
//! foreign one is refused and changes nothing.

use std::{collections::BTreeMap, time::Duration};

use hearth_base::{BuildId, Error, ErrorKind, Result, Role, TokenId, cut_text};
use hearth_kit::{blobs::ContentStream, db::Tx, log_error};
use hearth_plan::parse_label_value;
use hearth_wire::{
    builds::{
        BuildFailure, BuildFailureClass, BuildStatus,
        internal::{BuildFinish, BuildHeartbeat, BuildLeaseOutcome, BuildLogReport, BuildLogReported},
    },
    images::PROCESSES_LABEL,
    logs::{
        LogsStream,
        internal::{LogsBatch, LogsLine, LogsOwner, LogsSource},
    },
};

use super::ANNOUNCE_TASK;
use crate::{
    app::{
        build_end, cleanup, credentials,
        lease::{self, pin_build_image, record_lease_end, shorten_failure, truncate_message},
        provenance::PROVENANCE_TASK,
        sources,
    },
    context::BuildsContext,
    store::{Build, OutsideBuild, UploadedSource},
};

/// Most lines of one report.
const MAX_LINES_PER_REPORT: usize = 500;
/// Longest line, in bytes; a longer one is cut.
const MAX_LINE_BYTES: usize = 4096;
/// Most processes of an image.
const MAX_PROCESSES: usize = 64;
/// Name of the part of the log with the lines of an outside builder.
const LOG_INSTANCE: &str = "outside";
/// Name of the part of the log with the outcome, as of other builds.
const OUTCOME_INSTANCE: &str = "build";

/// Outside builder that reports: the build of its credential, and the credential.
#[derive(Debug, Clone, Copy)]
pub struct Reporter {
    pub build: BuildId,
    pub credential: TokenId,
}

/// Checks a reporter against a build, in a transaction that locks both rows.
async fn lock_reported_build(
    cx: &BuildsContext,
    tx: &Tx,
    reporter: Reporter,
    id: BuildId,
) -> Result<(Build, OutsideBuild)> {
    if reporter.build != id {
        let what = format!("the credential is of another build than {id}");
        return Err(Error::forbidden("foreign-build", what)
            .help("report with the credential of the announcement of this build"));
    }
    let build = cx.store.lock_build(tx, id).await?.filter(|build| !build.has_ended());
    let build = build.ok_or_else(|| {
        Error::conflict("build-ended", format!("the build {id} has ended; the report changes nothing"))
            .help("stop the work on this build")
    })?;
    let outside = cx.store.lock_outside_build(tx, id).await?;
    let outside = outside.filter(|outside| outside.token == Some(reporter.credential)).ok_or_else(|| {
        Error::conflict("attempt-ended", format!("another builder or attempt has the build {id} now"))
            .help("stop the work on this build")
    })?;
    Ok((build, outside))
}

/// Checks a reporter against a build. Its first report accepts the build.
async fn accept_reporter(cx: &BuildsContext, reporter: Reporter, id: BuildId) -> Result<Build> {
    let tx = cx.store.begin().await?;
    let (build, mut outside) = lock_reported_build(cx, &tx, reporter, id).await?;
    if !outside.accepted {
        outside.mark_accepted();
        cx.store.save_outside_build(&tx, &outside).await?;
    }
    tx.commit().await?;
    Ok(build)
}

/// Records step and message of a build. Returns true as soon as it has ended, false after `timeout`.
pub async fn record_heartbeat(
    cx: &BuildsContext,
    reporter: Reporter,
    id: BuildId,
    beat: BuildHeartbeat,
    timeout: Duration,
) -> Result<bool> {
    let BuildHeartbeat { ticket: _, step, message, wait: _ } = beat;
    let tx = cx.store.begin().await?;
    let (mut build, mut outside) = lock_reported_build(cx, &tx, reporter, id).await?;
    let is_first = !outside.accepted;
    if is_first {
        outside.mark_accepted();
        cx.store.save_outside_build(&tx, &outside).await?;
    }
    if step.is_some() || message.is_some() || is_first {
        build.step = step.unwrap_or(build.step);
        build.message = message.map_or(build.message, truncate_message);
        cx.store.update_build(&tx, &build).await?;
    }
    tx.commit().await?;
    lease::wait_for_stop(cx, id, timeout).await
}

/// Stores lines of a build's log. Lines beyond `builds.outside_log_line_limit` are left out, after a note.
pub async fn store_log_lines(
    cx: &BuildsContext,
    reporter: Reporter,
    id: BuildId,
    report: BuildLogReport,
) -> Result<BuildLogReported> {
    let BuildLogReport { first, lines } = report;
    if first == 0 || lines.len() > MAX_LINES_PER_REPORT {
        let what = format!("invalid lines of a log: {} from number {first}", lines.len());
        return Err(Error::invalid("log-lines", what).help(format!(
            "send at most {MAX_LINES_PER_REPORT} lines at once, the first with the number 1"
        )));
    }
    let build = accept_reporter(cx, reporter, id).await?;
    let limit = cx.settings.outside_log_line_limit;
    let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let stored = (first..=limit.saturating_add(1)).zip(lines).map(|(sequence, text)| {
        let text = match sequence > limit {
            true => format!("further lines are not stored: the limit of a build is {limit} lines"),
            false => to_log_text(text),
        };
        build_line(cx, sequence, LogsStream::Out, text)
    });
    let stored: Vec<LogsLine> = stored.collect();
    if !stored.is_empty() {
        append_lines(cx, &build, LOG_INSTANCE, stored, false).await?;
    }
    Ok(BuildLogReported { next: first.saturating_add(count) })
}

fn build_line(cx: &BuildsContext, sequence: u64, stream: LogsStream, text: String) -> LogsLine {
    LogsLine { sequence, time: cx.now(), stream, partial: false, text }
}

/// Converts text of a builder to one line of a log, without line ends.
fn to_log_text(mut text: String) -> String {
    text.retain(|symbol| symbol != '\n' && symbol != '\r');
    cut_text(&mut text, MAX_LINE_BYTES);
    text
}

async fn append_lines(
    cx: &BuildsContext,
    build: &Build,
    instance: &str,
    lines: Vec<LogsLine>,
    complete: bool,
) -> Result<()> {
    let source = LogsSource {
        tool: build.tool,
        of: LogsOwner::Build(build.id.to_string()),
        run: format!("{}.{}", build.id, build.attempt),
        instance: instance.to_owned(),
    };
    let batch = LogsBatch { source, lines, complete };
    cx.clients.create_client(Role::Logs)?.logs().append(&batch).await.map(|_| ())
}

/// Completes the log of a build that has ended, whoever ended it, so that its readers do not wait for more. Does nothing
/// for builds of this Hearth's builders; may be repeated.
pub async fn complete_ended_log(cx: &BuildsContext, id: BuildId) -> Result<()> {
    let build = cx.store.find_build_by_id(id).await?;
    match build.filter(|build| build.has_ended() && build.outside_builder.is_some()) {
        Some(build) => complete_log(cx, &build, &describe_ended_build(&build)).await,
        None => Ok(()),
    }
}

fn describe_ended_build(build: &Build) -> String {
    match build.status {
        BuildStatus::BuildSuccess => build.destination_image.clone(),
        _ => build.message.clone(),
    }
}

/// Completes the log of an attempt with its outcome.
async fn complete_log(cx: &BuildsContext, build: &Build, outcome: &str) -> Result<()> {
    let notes = (1..).zip(outcome.lines());
    let notes = notes
        .map(|(sequence, line)| build_line(cx, sequence, LogsStream::Note, to_log_text(line.to_owned())));
    for (instance, lines) in [(LOG_INSTANCE, Vec::new()), (OUTCOME_INSTANCE, notes.collect())] {
        append_lines(cx, build, instance, lines, true).await?;
    }
    Ok(())
}

/// Describes an outcome for the log.
fn describe_outcome(outcome: &BuildLeaseOutcome) -> String {
    match outcome {
        BuildLeaseOutcome::Succeeded { image, .. } => image.clone(),
        BuildLeaseOutcome::Failed { message } | BuildLeaseOutcome::Retry { message } => message.clone(),
        BuildLeaseOutcome::Stopped => "The build was stopped.".to_owned(),
    }
}

/// Opens the uploaded folder of a build.
pub async fn open_build_source(
    cx: &BuildsContext,
    reporter: Reporter,
    id: BuildId,
) -> Result<(UploadedSource, ContentStream)> {
    let build = accept_reporter(cx, reporter, id).await?;
    let upload = build.parameters.upload.ok_or_else(|| {
        Error::invalid("no-upload", format!("the build {id} has no uploaded folder"))
            .help("fetch the repository that the announcement names")
    })?;
    sources::open_source(cx, upload).await
}

/// Ends a build or an attempt with the outcome that its outside builder reports.
pub async fn finish_build(
    cx: &BuildsContext,
    reporter: Reporter,
    id: BuildId,
    finish: BuildFinish,
) -> Result<()> {
    let BuildFinish { ticket: _, outcome, failure } = finish;
    let build = accept_reporter(cx, reporter, id).await?;
    let (outcome, failure) = check_outcome(cx, &build, outcome, failure).await?;
    let has_image = matches!(outcome, BuildLeaseOutcome::Succeeded { .. });
    let tx = cx.store.begin().await?;
    let (mut build, mut outside) = match lock_reported_build(cx, &tx, reporter, id).await {
        Ok(locked) => locked,
        Err(error) => {
            // It ended meanwhile, so nothing refers to the image.
            if has_image {
                cx.store.queue.enqueue(&tx, cleanup::UNPIN_TASK, &id.to_string(), &id, cx.now()).await?;
            }
            tx.commit().await?;
            return Err(error);
        }
    };
    let (attempt, mut described) = (build.clone(), describe_outcome(&outcome));
    let pause = record_lease_end(cx, &mut build, outcome)?;
    build.failure = failure.filter(|_| build.status == BuildStatus::BuildFailure).map(shorten_failure);
    if build.has_ended() {
        described = describe_ended_build(&build);
        if build.digest.is_some() {
            cx.store.queue.enqueue(&tx, PROVENANCE_TASK, &id.to_string(), &id, cx.now()).await?;
        }
        build_end::store_ended_build(cx, &tx, &mut build).await?;
    } else {
        outside.begin_attempt();
        cx.store.save_outside_build(&tx, &outside).await?;
        credentials::mark_credentials_revoked(cx, &tx, id).await?;
        let due_at = cx.now() + pause;
        cx.store.queue.enqueue(&tx, ANNOUNCE_TASK, &id.to_string(), &id, due_at).await?;
        cx.store.update_build(&tx, &build).await?;
    }
    tx.commit().await?;
    if let Err(error) = complete_log(cx, &attempt, &described).await {
        log_error!(&error, build = %id, "end of a build log not stored");
    }
    credentials::revoke_former_credentials(cx, id).await;
    cleanup::delete_old_builds(cx, build.tool, u64::from(cx.settings.kept)).await.map(|_| ())
}

/// Checks an outcome against the registry: the image must have been pushed, and its label says its processes. It is
/// pinned before its digest is published in the build.
async fn check_outcome(
    cx: &BuildsContext,
    build: &Build,
    outcome: BuildLeaseOutcome,
    failure: Option<BuildFailure>,
) -> Result<(BuildLeaseOutcome, Option<BuildFailure>)> {
    let BuildLeaseOutcome::Succeeded {
        digest,
        image: _,
        processes,
        message,
        inputs: _,
        materials: _,
        comparison: _,
    } = outcome
    else {
        return Ok((outcome, failure));
    };
    let name = format!("tool-{}/{}", build.tool_name, build.parameters.image_name);
    let images = cx.clients.create_client(Role::Images)?;
    let found = images.images_internal().resolve(build.tool, &format!("{name}@{digest}")).await;
    let found = found.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::Invalid => {
            Error::invalid("image-not-pushed", format!("the image {name} has no manifest {digest:.80}"))
                .help("push the image before you report it, and report the digest of its manifest")
        }
        _ => error,
    })?;
    let label = found.config.labels.get(PROCESSES_LABEL).and_then(|label| parse_label_value(label));
    let processes = label.unwrap_or(processes);
    check_processes(&processes)?;
    if let Some(process) = build.parameters.process.as_ref().filter(|name| !processes.contains_key(*name)) {
        let message = format!("The image has no process {process}.");
        let next_step = format!("Report the process {process} with its command, or label the image with it.");
        let class = BuildFailureClass::StartCommandMissing;
        let failure = BuildFailure { class, line: None, next_step };
        return Ok((BuildLeaseOutcome::Failed { message }, Some(failure)));
    }
    pin_build_image(cx, build.tool, build.id, found.digest).await?;
    let image = match found.reference.split_once('@') {
        Some((before, digest)) if before.ends_with(&name) => format!("{before}:latest@{digest}"),
        _ => found.reference,
    };
    let digest = found.digest.to_string();
    let outcome = BuildLeaseOutcome::Succeeded {
        digest,
        image,
        processes,
        message,
        inputs: None,
        materials: None,
        comparison: None,
    };
    Ok((outcome, None))
}

fn check_processes(processes: &BTreeMap<String, String>) -> Result<()> {
    let fits = |(name, command): (&String, &String)| {
        (1..=52).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && (1..=MAX_LINE_BYTES).contains(&command.len())
            && !command.contains(char::is_control)
    };
    if processes.len() <= MAX_PROCESSES && processes.iter().all(fits) {
        return Ok(());
    }
    Err(Error::invalid("processes", "the processes of the image are invalid").help(format!(
        "report at most {MAX_PROCESSES}, with names of letters, digits, - and _, and commands of one line"
    )))
}
