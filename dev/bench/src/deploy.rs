//! Bench `deploy`: time from `hearth deploy` to the first page of the new version.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use hearth_base::{Error, Result};
use hearth_client::{Anonymous, Client, Transport};
use hearth_testkit::{CliSession, Hearth, HearthShape};
use http::{Method, header};
use http_body_util::BodyExt;

use crate::{
    durations::{Durations, to_millis},
    images::provide_images,
    report::{BenchReport, Goal, ReportRow},
};

/// Number of changes that are deployed after the first deployment.
const REDEPLOY_COUNT: u32 = 5;
/// Time between the making of the images and the first deployment, as on a new machine. The host unpacks the most used
/// ones meanwhile.
const FIRST_DEPLOY_DELAY: Duration = Duration::from_secs(20);

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let mut report = BenchReport::new("deploy");
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "bookworm", "static", "python3.11", "python3.11-slim"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let transport = Transport::from_url(hearth.url())?;
    let visitor = Client::new(transport, Arc::new(Anonymous));
    let source = tempfile::tempdir().map_err(Error::internal)?;
    copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello"), source.path())?;
    let folder = source.path().display().to_string();

    tokio::time::sleep(FIRST_DEPLOY_DELAY).await;
    let new = ["deploy", &folder, "--new", "bench"];
    let first = time_deploy(&cli, &visitor, &new, "bench", "<html").await?;
    let redeploy = ["deploy", &folder, "--tool", "bench"];
    let mut changed = Vec::new();
    for number in 0..REDEPLOY_COUNT {
        let mark = format!("change-{number}");
        mark_page(source.path(), &mark)?;
        changed.push(time_deploy(&cli, &visitor, &redeploy, "bench", &mark).await?);
    }
    let pages = Durations::new(changed.iter().map(|durations| durations.page).collect());
    let commands = Durations::new(changed.iter().map(|durations| durations.command).collect());
    let what = "deploy of a changed page of a Python tool → first 200 with the change, median";
    report.add_row(ReportRow::new(what, pages.median_millis() / 1000.0, "s").with_goal(Goal::AtMost(1.2)));
    report.add_row(ReportRow::new(
        "the same → the command ends, median",
        commands.median_millis() / 1000.0,
        "s",
    ));
    let last = format!("change-{}", REDEPLOY_COUNT - 1);
    let same = time_deploy(&cli, &visitor, &redeploy, "bench", &last).await?;
    let what = "deploy of the same folder → the command ends";
    report.add_row(ReportRow::new(what, to_millis(same.command) / 1000.0, "s"));
    // The file contains the first tool's name.
    fs::remove_file(source.path().join("hearth.yaml")).map_err(Error::internal)?;
    let other = ["deploy", &folder, "--new", "other"];
    let other = time_deploy(&cli, &visitor, &other, "other", &last).await?;
    let row = |what: &str, durations: Duration| ReportRow::new(what, to_millis(durations) / 1000.0, "s");
    report.add_row(row("the same source as a new tool → first 200", other.page));
    report.add_row(row("the very first deploy → first 200", first.page).with_goal(Goal::AtMost(8.0)));
    report.add_note("packages come from the registry that this machine's pip is configured to use");
    for tool in ["bench", "other"] {
        cli.run_successfully(&["tool", "delete", tool, "--yes"]).await?;
    }
    hearth.stop().await?;
    Ok(report)
}

/// Durations of one deployment.
pub struct DeployDurations {
    /// Time until the tool's page contained the expected text.
    pub page: Duration,
    /// Time until the command exited.
    pub command: Duration,
}

/// Runs a deploy command, and polls the tool's page until it contains the text `held`.
pub async fn time_deploy(
    cli: &CliSession,
    visitor: &Client,
    words: &[&str],
    tool: &str,
    expected_text: &str,
) -> Result<DeployDurations> {
    /// Maximum time until the page contains the text.
    const PAGE_TIMEOUT: Duration = Duration::from_secs(300);
    const PAGE_POLL_INTERVAL: Duration = Duration::from_millis(20);
    let began = Instant::now();
    let typed = async { cli.run_successfully(words).await.map(|_| began.elapsed()) };
    let seen = tokio::time::timeout(PAGE_TIMEOUT, async {
        loop {
            let call =
                visitor.build_call(Method::GET, "/").header(header::HOST, &format!("{tool}.localhost"));
            let answer = call.send_raw().await?;
            let good = answer.status().is_success();
            let page = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
            if good && String::from_utf8_lossy(&page).contains(expected_text) {
                return Ok(began.elapsed());
            }
            tokio::time::sleep(PAGE_POLL_INTERVAL).await;
        }
    });
    let seen = async {
        seen.await
            .map_err(|_| Error::internal(format!("the page of {tool} never contained {expected_text}")))?
    };
    let (command, page) = tokio::try_join!(typed, seen)?;
    Ok(DeployDurations { page, command })
}

/// Changes the page so that it contains this mark.
pub fn mark_page(source: &Path, mark: &str) -> Result<()> {
    let page = source.join("templates/home.html");
    let text = fs::read_to_string(&page).map_err(Error::internal)?;
    let before = text.split("<!-- mark").next().unwrap_or_default().trim_end();
    fs::write(page, format!("{before}\n<!-- mark {mark} -->\n")).map_err(Error::internal)
}

/// Copies a folder without the file that links it to a tool.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).map_err(Error::internal)? {
        let entry = entry.map_err(Error::internal)?;
        let goal = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&goal).map_err(Error::internal)?;
            copy_folder(&entry.path(), &goal)?;
        } else if entry.file_name() != "hearth.yaml" {
            // A developer may have deployed the example from this folder; the copy must belong to no tool.
            fs::copy(entry.path(), goal).map_err(Error::internal)?;
        }
    }
    Ok(())
}
