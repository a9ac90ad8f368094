//! Fetch step: git fetches a commit, or an uploaded archive is unpacked, in a sandbox.

use futures::StreamExt;
use hearth_base::{Result, Role};
use hearth_plan::{InMemorySource, PROBED_FILES, READ_FILES};
use hearth_runtime_api::RunId;
use hearth_wire::builds::internal::BuildLeaseSource;
use http_body_util::BodyExt;

use super::{
    BuildAttempt,
    failure::BuildFailure,
    process::{SOURCE_PATH, build_process},
    sandbox_files, source_credentials,
    source_report::SourceReport,
    start_step, step_log,
};
use crate::runs::{build_archive, stream_to_run};

const STEP_NAME: &str = "fetch";
const WAIT_SCRIPT: &str = include_str!("../scripts/wait.sh");
const GIT_SCRIPT: &str = include_str!("../scripts/git.sh");
const FETCH_SCRIPT: &str = include_str!("../scripts/fetch.sh");
const UNPACK_SCRIPT: &str = include_str!("../scripts/unpack.sh");
const PUT_SCRIPT: &str = include_str!("../scripts/put.sh");
/// Exit status of the script when git could not fetch.
const FETCH_FAILED_STATUS: i32 = 71;
/// Exit status of the script when the source has no folder of the requested name.
const NO_FOLDER_STATUS: i32 = 75;

/// A fetched source.
pub struct FetchedSource {
    /// The files that define how to build it.
    pub files: InMemorySource,
    /// Its time in seconds since 1970: of the commit, or of the newest uploaded file. Never in the future.
    pub time: Option<i64>,
}

/// Earliest time of a source: files of zip archives, such as Python's packages, cannot be older (1980).
const MIN_SOURCE_TIME: i64 = 315_532_800;

/// Fetches the source.
pub async fn fetch_source(attempt: &BuildAttempt<'_>) -> Result<FetchedSource, BuildFailure> {
    let (url, commit) = match &attempt.lease.source {
        BuildLeaseSource::Git { url, mirror, commit, .. } => {
            (mirror.as_ref().unwrap_or(url).clone(), commit.clone())
        }
        BuildLeaseSource::Upload { .. } => (String::new(), String::new()),
    };
    let names = READ_FILES.into_iter().chain(["--"]).chain(PROBED_FILES).map(str::to_owned);
    let subfolder = attempt.lease.folder.clone().unwrap_or_default();
    let max_bytes = attempt.cx.settings.source_bytes.to_string();
    let arguments =
        [url, commit, SOURCE_PATH.to_owned(), subfolder.clone(), max_bytes].into_iter().chain(names);
    let mut process = build_process(&[WAIT_SCRIPT, GIT_SCRIPT, FETCH_SCRIPT], arguments);
    source_credentials::let_git_read_credentials(&mut process);
    let run = start_step(attempt, STEP_NAME, process).await?;
    supply_source(attempt, run).await?;

    let mut report = SourceReport::default();
    let no_folder = format!("The source has no folder {subfolder}.");
    let known_statuses =
        [(FETCH_FAILED_STATUS, "The repository could not be fetched."), (NO_FOLDER_STATUS, &no_folder)];
    step_log::follow_step(attempt, run, STEP_NAME, "Fetching the source", &known_statuses, &mut |line| {
        report.parse_line(line)
    })
    .await?;
    // An earlier builder process had read the lines of the report and died: another attempt fetches again.
    let latest = attempt.cx.clock.now().as_second();
    let time = report.source_time().map(|time| time.clamp(MIN_SOURCE_TIME, latest));
    let lost = || BuildFailure::from_infrastructure("The result of the fetch was lost.");
    Ok(FetchedSource { files: report.into_source().ok_or_else(lost)?, time })
}

/// Supplies the archive and files that the run waits for. May be repeated by a builder that adopts the run.
async fn supply_source(attempt: &BuildAttempt<'_>, run: RunId) -> Result<(), BuildFailure> {
    if !attempt.runs.wait_until_running(run).await? {
        return Ok(());
    }
    let runtime = &*attempt.cx.runtime;
    if let BuildLeaseSource::Upload { id, .. } = &attempt.lease.source {
        let archive = attempt.cx.create_client(Role::Builds)?.builds().open_source(*id).await?;
        let settings = &attempt.cx.settings;
        let limits = [settings.source_bytes.to_string(), settings.source_entries.to_string()];
        let unpack = build_process(&[UNPACK_SCRIPT], [SOURCE_PATH.to_owned()].into_iter().chain(limits));
        stream_to_run(runtime, run, unpack, archive.into_body().into_data_stream()).await?;
    }
    let credentials = source_credentials::render_files(&attempt.lease.source_credentials);
    let mut files = vec![("ca.crt", sandbox_files::read_ca_bundle(attempt).await)];
    files.extend(credentials.iter().map(|(name, content)| (name.as_str(), content.clone())));
    supply_files(attempt, run, build_archive(&files)?).await
}

/// Supplies small files to a run, which then continues.
pub async fn supply_files(
    attempt: &BuildAttempt<'_>,
    run: RunId,
    files: Vec<u8>,
) -> Result<(), BuildFailure> {
    let pieces: Vec<_> =
        files.chunks(32 << 10).map(|piece| Ok::<_, std::io::Error>(piece.to_vec().into())).collect();
    let put = build_process(&[PUT_SCRIPT], []);
    stream_to_run(&*attempt.cx.runtime, run, put, futures::stream::iter(pieces).boxed())
        .await
        .map_err(BuildFailure::from)
}
