//! How long somebody waits for a command of `hearth`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use hearth_base::{Error, Result, Secret, ToolName};
use hearth_testkit::{Hearth, Image, Shape, program};
use hearth_wire::{jobs::JobCreate, tools::ToolCreate};
use tempfile::TempDir;

use crate::{
    images::kept,
    peer::{timed, tried},
    report::{Goal, Report, Row},
    times::Times,
};

/// How often Hearth's own are measured.
const RUNS: usize = 50;
/// After how many of them the published client has its turn, which takes a hundred times as long.
const TURN: usize = 5;
const TOOL: &str = "bench";

/// Measures it.
pub async fn run() -> Result<Report> {
    let mut report = Report::new("cli");
    let hearth = Hearth::start(Shape::TOGETHER_ON_FILES).await?;
    let operator = hearth.operator().await?;
    let tool: ToolName = TOOL.parse()?;
    operator.client.tools().create(&ToolCreate { name: tool.clone(), description: String::new() }).await?;
    Image::busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    for name in ["one", "two", "three"] {
        let mut job = JobCreate::new(name.parse()?, "bookworm", "true");
        job.schedule = Some("@yearly".to_owned());
        operator.client.jobs().create(&tool, &job).await?;
    }
    let terminal = Terminal::open(&hearth, operator.token(&[]).await?)?;
    let toolforge = terminal.toolforge().inspect_err(|reason| report.note(reason.clone())).ok();

    let (mut version, mut list) = (Vec::new(), Vec::new());
    let (mut smallest, mut client) = (Vec::new(), Vec::new());
    for round in 0..RUNS {
        version.push(terminal.once(&program("hearth")?, &["--version"])?);
        smallest.push(terminal.once(Path::new("/bin/busybox"), &["true"])?);
        list.push(terminal.once(&program("hearth")?, &["jobs", "list", "--tool", TOOL])?);
        if let Some(toolforge) = toolforge.as_ref().filter(|_| round % TURN == 0) {
            client.push(terminal.once(toolforge, &["jobs", "list"])?);
        }
    }
    let (version, list) = (Times::new(version), Times::new(list));
    let beside = Times::new(smallest).median();
    let row = Row::new("hearth --version, median", version.median(), "ms").beside("busybox true", beside);
    report.row(row.goal(Goal::AtMost(2.0)));
    report.row(Row::new("hearth --version, p90", version.percentile(90), "ms"));
    let row = Row::new("hearth jobs list, median", list.median(), "ms").goal(Goal::AtMost(10.0));
    report.row(match toolforge {
        Some(_) => row.beside("toolforge", Times::new(client).median()),
        None => row,
    });
    report.row(Row::new("hearth jobs list, p90", list.percentile(90), "ms"));
    hearth.stop().await?;
    Ok(report)
}

/// A terminal of somebody with a tool.
struct Terminal {
    home: TempDir,
    url: String,
    token: Secret,
}

impl Terminal {
    fn open(hearth: &Hearth, token: Secret) -> Result<Self> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        Ok(Self { home, url: hearth.url().to_owned(), token })
    }

    /// How long a command takes.
    fn once(&self, program: &Path, words: &[&str]) -> Result<Duration> {
        timed(self.command(program).args(words))
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("HEARTH_SERVER", &self.url)
            .env("HEARTH_TOKEN", self.token.reveal())
            .env("PATH", format!("{}:/usr/bin:/bin", program.parent().unwrap_or(program).display()))
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("TOOL_TOOLFORGE_API_URL", &self.url);
        command
    }

    /// The published client, able to come in; a word when there is none.
    fn toolforge(&self) -> std::result::Result<PathBuf, String> {
        let missing = |cause: String| format!("Toolforge's published client is not measured: {cause}");
        let venv = kept().map_err(|cause| missing(cause.to_string()))?.join("published-clients/venv");
        let toolforge = venv.join("bin/toolforge");
        if !fs::exists(&toolforge).unwrap_or(false) {
            return Err(missing("the tests of hearth-testkit install it, ./test runs them".to_owned()));
        }
        let hearth = program("hearth").map_err(|cause| missing(cause.to_string()))?;
        let enter = ["tool", "kubeconfig", TOOL, "--output"];
        tried(self.command(&hearth).args(enter).arg(self.home.path().join("kubeconfig"))).map_err(missing)?;
        tried(self.command(&toolforge).args(["jobs", "list"])).map_err(missing)?;
        Ok(toolforge)
    }
}
