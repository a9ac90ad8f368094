//! Bench `cli`: duration of commands of `hearth`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use hearth_base::{Error, Result, Secret, ToolName};
use hearth_testkit::{Hearth, HearthShape, TestImage, program_path};
use hearth_wire::{jobs::JobCreate, tools::ToolCreate};
use tempfile::TempDir;

use crate::{
    durations::Durations,
    images::find_cache_folder,
    peer::{run_command, time_command},
    report::{BenchReport, Goal, ReportRow},
};

/// Number of measurements of each command of Hearth.
const RUN_COUNT: usize = 50;
/// Measurements of Hearth for each one of Toolforge's published client, which takes a hundred times as long.
const RUNS_PER_PEER_RUN: usize = 5;
const TOOL_NAME: &str = "bench";

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let mut report = BenchReport::new("cli");
    let hearth = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
    let operator = hearth.operator().await?;
    let tool: ToolName = TOOL_NAME.parse()?;
    operator.client.tools().create(&ToolCreate { name: tool.clone(), description: String::new() }).await?;
    TestImage::from_busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    for name in ["one", "two", "three"] {
        let mut job = JobCreate::new(name.parse()?, "bookworm", "true");
        job.schedule = Some("@yearly".to_owned());
        operator.client.jobs().create(&tool, &job).await?;
    }
    let terminal = CliEnvironment::open(&hearth, operator.create_token(&[]).await?)?;
    let toolforge = terminal.prepare_toolforge().inspect_err(|reason| report.add_note(reason.clone())).ok();

    let (mut version, mut list) = (Vec::new(), Vec::new());
    let (mut smallest, mut client) = (Vec::new(), Vec::new());
    for round in 0..RUN_COUNT {
        version.push(terminal.time_run(&program_path("hearth")?, &["--version"])?);
        smallest.push(terminal.time_run(Path::new("/bin/busybox"), &["true"])?);
        list.push(terminal.time_run(&program_path("hearth")?, &["jobs", "list", "--tool", TOOL_NAME])?);
        if let Some(toolforge) = toolforge.as_ref().filter(|_| round % RUNS_PER_PEER_RUN == 0) {
            client.push(terminal.time_run(toolforge, &["jobs", "list"])?);
        }
    }
    let (version, list) = (Durations::new(version), Durations::new(list));
    let smallest_median = Durations::new(smallest).median_millis();
    let row = ReportRow::new("hearth --version, median", version.median_millis(), "ms")
        .with_peer("busybox true", smallest_median);
    report.add_row(row.with_goal(Goal::AtMost(1.5)));
    report.add_row(ReportRow::new("hearth --version, p90", version.percentile_millis(90), "ms"));
    let row =
        ReportRow::new("hearth jobs list, median", list.median_millis(), "ms").with_goal(Goal::AtMost(3.0));
    report.add_row(match toolforge {
        Some(_) => row.with_peer("toolforge", Durations::new(client).median_millis()),
        None => row,
    });
    report.add_row(ReportRow::new("hearth jobs list, p90", list.percentile_millis(90), "ms"));
    hearth.stop().await?;
    Ok(report)
}

/// Environment of a user's commands: home folder, server and token.
struct CliEnvironment {
    home: TempDir,
    url: String,
    token: Secret,
}

impl CliEnvironment {
    fn open(hearth: &Hearth, token: Secret) -> Result<Self> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        Ok(Self { home, url: hearth.url().to_owned(), token })
    }

    /// Runs a command and returns its duration.
    fn time_run(&self, program: &Path, words: &[&str]) -> Result<Duration> {
        time_command(self.build_command(program).args(words))
    }

    fn build_command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("HEARTH_SERVER", &self.url)
            .env("HEARTH_TOKEN", self.token.expose_secret())
            .env("PATH", format!("{}:/usr/bin:/bin", program.parent().unwrap_or(program).display()))
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("TOOL_TOOLFORGE_API_URL", &self.url);
        command
    }

    /// Finds Toolforge's published client and signs it in; the reason if it is not installed or does not
    /// work.
    fn prepare_toolforge(&self) -> std::result::Result<PathBuf, String> {
        let missing = |cause: String| format!("Toolforge's published client is not measured: {cause}");
        let venv =
            find_cache_folder().map_err(|cause| missing(cause.to_string()))?.join("published-clients/venv");
        let toolforge = venv.join("bin/toolforge");
        if !fs::exists(&toolforge).unwrap_or(false) {
            return Err(missing(
                "it is not installed; run ./test, whose tests of hearth-testkit install it".to_owned(),
            ));
        }
        let hearth = program_path("hearth").map_err(|cause| missing(cause.to_string()))?;
        let enter = ["tool", "kubeconfig", TOOL_NAME, "--output"];
        run_command(self.build_command(&hearth).args(enter).arg(self.home.path().join("kubeconfig")))
            .map_err(missing)?;
        run_command(self.build_command(&toolforge).args(["jobs", "list"])).map_err(missing)?;
        Ok(toolforge)
    }
}
