//! Bench `deploy-node`: the first deployment of a Node.js tool with some 200 packages, beside `npm ci` on the host.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use hearth_base::{Error, Result};
use hearth_client::{Anonymous, Client, Transport};
use hearth_testkit::{Hearth, HearthShape};
use serde_json::Value;

use crate::{
    deploy::time_deploy,
    durations::{Durations, to_millis},
    images::provide_images,
    peer::{run_command, time_command},
    report::{BenchReport, Goal, ReportRow},
};

/// Repetitions of `npm ci`, each with an empty cache.
const HOST_REPEAT_COUNT: usize = 2;
const PACKAGE_JSON: &str = r#"{"name": "bench", "version": "1.0.0", "private": true,
    "scripts": {"start": "node server.js"},
    "dependencies": {"express": "4.21.2", "webpack": "5.97.1", "eslint": "8.57.1"}}
"#;
const SERVER_JS: &str = "const app = require('express')();
app.get('/', (_, reply) => reply.send('<html>VERSION</html>'));
app.listen(process.env.PORT, '0.0.0.0');
";

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "node18"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let visitor = Client::new(Transport::from_url(hearth.url())?, Arc::new(Anonymous));
    let source = tempfile::tempdir().map_err(Error::internal)?;
    let package_count = write_source(source.path())?;
    let folder = source.path().display().to_string();

    let mut on_host = vec![install_on_host(source.path())?];
    let new = ["deploy", &folder, "--new", "bench"];
    let first = time_deploy(&cli, &visitor, &new, "bench", "VERSION").await?;
    while on_host.len() < HOST_REPEAT_COUNT {
        on_host.push(install_on_host(source.path())?);
    }
    let changed = SERVER_JS.replace("VERSION", "CHANGED");
    fs::write(source.path().join("server.js"), changed).map_err(Error::internal)?;
    let redeploy = ["deploy", &folder, "--tool", "bench"];
    let changed = time_deploy(&cli, &visitor, &redeploy, "bench", "CHANGED").await?;

    let mut report = BenchReport::new("deploy-node");
    let seconds = |time: Duration| to_millis(time) / 1000.0;
    let host = Durations::new(on_host).percentile_millis(0) / 1000.0;
    let row = ReportRow::new("first deploy of a Node.js tool → first 200", seconds(first.page), "s");
    report.add_row(row.with_peer("npm ci", host).with_goal(Goal::RatioAtMost(1.3)));
    report.add_row(ReportRow::new("deploy of a changed file → first 200", seconds(changed.page), "s"));
    report.add_note(format!("{package_count} packages; npm ci on the host has an empty cache"));
    hearth.stop().await?;
    Ok(report)
}

/// Writes the source with a lock file. Returns the number of its packages.
fn write_source(folder: &Path) -> Result<usize> {
    fs::write(folder.join("package.json"), PACKAGE_JSON).map_err(Error::internal)?;
    fs::write(folder.join("server.js"), SERVER_JS).map_err(Error::internal)?;
    let mut lock = Command::new("npm");
    lock.args(["install", "--package-lock-only", "--ignore-scripts"]).current_dir(folder);
    run_command(&mut lock).map_err(Error::internal)?;
    let text = fs::read(folder.join("package-lock.json")).map_err(Error::internal)?;
    let lock: Value = serde_json::from_slice(&text).map_err(Error::internal)?;
    Ok(lock["packages"].as_object().map_or(0, |packages| packages.len().saturating_sub(1)))
}

/// Installs the packages in a copy of the source, with an empty cache.
fn install_on_host(source: &Path) -> Result<Duration> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), folder.path().join(file)).map_err(Error::internal)?;
    }
    let mut install = Command::new("npm");
    install.arg("ci").arg("--cache").arg(folder.path().join("cache")).current_dir(folder.path());
    time_command(&mut install)
}
