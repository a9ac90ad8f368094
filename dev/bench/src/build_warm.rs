//! Bench `build-warm`: builds of a small Python tool beside the same builds by buildah on the host: the first one, one
//! after a change of a page, and one of the same source.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use hearth_base::{Error, Result, SourceId, ToolName};
use hearth_client::{Client, box_body};
use hearth_testkit::{CliSession, Hearth, HearthShape, Person};
use hearth_wire::builds::{Build, BuildCreate, BuildCreateQuery, BuildQuery, BuildStatus};
use http_body_util::Full;
use tempfile::TempDir;

use crate::{
    deploy::{copy_folder, mark_page},
    durations::Durations,
    images::provide_images,
    peer::{run_command, time_command},
    report::{BenchReport, Goal, ReportRow},
};

/// Repetitions of each build but the first.
const REPEAT_COUNT: usize = 5;
/// Files of this machine that build steps see, as in a Hearth's builder.
const HOST_FILES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf"];

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "python3.11", "python3.11-slim"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let source = tempfile::tempdir().map_err(Error::internal)?;
    copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello"), source.path())?;
    let tool = operator.create_tool("warm").await?;
    let host = HostBuilder::create(&hearth, &operator, &cli, source.path()).await?;

    // One after the other, so that both have the same load and the same registry of packages.
    let (first, first_on_host) = (build_folder(&operator.client, &tool, source.path()).await?, host.build()?);
    let (mut changed, mut changed_on_host) = (Vec::new(), Vec::new());
    let (mut same, mut same_on_host) = (Vec::new(), Vec::new());
    for number in 0..REPEAT_COUNT {
        mark_page(source.path(), &format!("change-{number}"))?;
        changed.push(build_folder(&operator.client, &tool, source.path()).await?);
        changed_on_host.push(host.build()?);
        same.push(build_folder(&operator.client, &tool, source.path()).await?);
        same_on_host.push(host.build()?);
    }
    let mut report = BenchReport::new("build-warm");
    let mut add = |what: &str, own: Vec<Duration>, peer: Vec<Duration>, goal| {
        let row = ReportRow::new(what, Durations::new(own).median_millis(), "ms");
        report.add_row(row.with_peer("buildah", Durations::new(peer).median_millis()).with_goal(goal));
    };
    add("first build of a tool", vec![first], vec![first_on_host], Goal::RatioAtMost(1.1));
    add("build after a change of a page, median", changed, changed_on_host, Goal::RatioAtMost(1.2));
    add("build of the same source, median", same, same_on_host, Goal::AtMost(100.0));
    report.add_note("from the upload, or the start of buildah, to the image in the registry");
    hearth.stop().await?;
    Ok(report)
}

/// Uploads a folder and builds it. Returns the time from the upload to the end of the build.
async fn build_folder(client: &Client, tool: &ToolName, folder: &Path) -> Result<Duration> {
    let archive = pack_folder(folder)?;
    let began = Instant::now();
    let upload = client.builds().upload(tool, box_body(Full::new(archive.into()))).await?;
    let build = build_upload(client, tool, upload.id).await?;
    match build.status {
        BuildStatus::BuildSuccess => Ok(began.elapsed()),
        _ => Err(Error::internal(format!("the build {} ended: {}", build.build_id, build.message))),
    }
}

async fn build_upload(client: &Client, tool: &ToolName, upload: SourceId) -> Result<Build> {
    let create = BuildCreate { upload: Some(upload), ..BuildCreate::default() };
    let id = client.builds().start(tool, &create, &BuildCreateQuery::default()).await?.name;
    loop {
        let build = client.builds().wait(tool, id, &BuildQuery { wait: Some(25) }).await?;
        if !matches!(build.status, BuildStatus::BuildPending | BuildStatus::BuildRunning) {
            return Ok(build);
        }
    }
}

/// Packs a folder: the same files give the same bytes.
fn pack_folder(folder: &Path) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.mode(tar::HeaderMode::Deterministic);
    archive.append_dir_all(".", folder).map_err(Error::internal)?;
    let plain = archive.into_inner().map_err(Error::internal)?;
    let packed = tempfile::tempdir().map_err(Error::internal)?;
    let path = packed.path().join("source.tar");
    fs::write(&path, plain).map_err(Error::internal)?;
    run_command(Command::new("gzip").args(["--no-name", "--fast"]).arg(&path)).map_err(Error::internal)?;
    fs::read(packed.path().join("source.tar.gz")).map_err(Error::internal)
}

/// Builder by hand: buildah on the host with a store of its own, and the recipe that Hearth prints.
struct HostBuilder {
    folder: TempDir,
    source: PathBuf,
    image: String,
}

impl HostBuilder {
    async fn create(hearth: &Hearth, person: &Person, cli: &CliSession, source: &Path) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let host = hearth.url().trim_start_matches("http://").to_owned();
        let tool = person.create_tool("hand").await?;
        let path = source.display().to_string();
        let recipe = cli.run_successfully(&["build", "plan", &path, "--containerfile"]).await?;
        let recipe = recipe.replace("FROM hearth/", &format!("FROM {host}/hearth/"));
        fs::write(folder.path().join("Containerfile"), recipe).map_err(Error::internal)?;
        let token = person.create_token(&[]).await?;
        let builder =
            Self { image: format!("{host}/tool-{tool}/page:latest"), folder, source: source.to_owned() };
        let mut login = builder.create_command("login");
        login.args(["--tls-verify=false", "--username=x", "--password", token.expose_secret(), &host]);
        run_command(&mut login).map_err(Error::internal)?;
        Ok(builder)
    }

    /// Builds and pushes the image. Returns the time of both.
    fn build(&self) -> Result<Duration> {
        let mut build = self.create_command("bud");
        build.args(["--tls-verify=false", "--isolation=chroot", "--layers", "--format=oci"]);
        for file in HOST_FILES.iter().filter(|file| Path::new(file).exists()) {
            build.arg(format!("--volume={file}:{file}:ro"));
        }
        build
            .arg(format!("--tag={}", self.image))
            .arg("--file")
            .arg(self.folder.path().join("Containerfile"));
        let built = time_command(build.arg(&self.source))?;
        let mut push = self.create_command("push");
        Ok(built + time_command(push.args(["--quiet", "--tls-verify=false", &self.image]))?)
    }

    fn create_command(&self, name: &str) -> Command {
        let path = |name: &str| self.folder.path().join(name);
        let mut command = Command::new("buildah");
        command.arg("--root").arg(path("root")).arg("--runroot").arg(path("run"));
        command.args(["--storage-driver=overlay", name, "--authfile"]).arg(path("auth.json"));
        command
    }
}
