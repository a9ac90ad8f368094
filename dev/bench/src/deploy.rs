//! From `hearth deploy` to a page that answers.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use hearth_base::{Error, Result};
use hearth_client::{Anonymous, Client, Transport};
use hearth_testkit::{Hearth, Keyboard, Shape, until};
use http::{Method, header};
use http_body_util::BodyExt;

use crate::{
    images::provide,
    report::{Goal, Report, Row},
    times::{Times, millis},
};

/// How often the tool is changed and deployed again.
const CHANGES: u32 = 5;

/// Measures it.
pub async fn run() -> Result<Report> {
    let mut report = Report::new("deploy");
    let hearth = Hearth::start(Shape::UP).await?;
    provide(&hearth, &["builder", "bookworm", "python3.11"])?;
    let operator = hearth.operator().await?;
    let keyboard = operator.keyboard(&hearth).await?;
    let transport = Transport::url(hearth.url())?;
    let visitor = Client::new(transport, Arc::new(Anonymous));
    let source = tempfile::tempdir().map_err(Error::internal)?;
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello"), source.path())?;
    let folder = source.path().display().to_string();

    let new = ["deploy", &folder, "--new", "bench"];
    let cold = deployed(&keyboard, &visitor, &new, "bench", "<html").await?;
    let again = ["deploy", &folder, "--tool", "bench"];
    let mut changed = Vec::new();
    for number in 0..CHANGES {
        let mark = format!("change-{number}");
        mark_page(source.path(), &mark)?;
        changed.push(deployed(&keyboard, &visitor, &again, "bench", &mark).await?);
    }
    let changed = Times::new(changed);
    let what = "a changed page of a Python tool → first 200 with the change, median";
    report.row(Row::new(what, changed.median() / 1000.0, "s").goal(Goal::AtMost(10.0)));
    report.row(Row::new("the slowest of them", changed.percentile(100) / 1000.0, "s"));
    let last = format!("change-{}", CHANGES - 1);
    let other = ["deploy", &folder, "--new", "other"];
    let other = deployed(&keyboard, &visitor, &other, "other", &last).await?;
    report.row(Row::new("the same source as a new tool → first 200", millis(other) / 1000.0, "s"));
    report.row(Row::new("the first deploy of all → first 200", millis(cold) / 1000.0, "s"));
    report.note("packages come from the registry that this machine's pip is set to");
    for tool in ["bench", "other"] {
        keyboard.done(&["tool", "delete", tool, "--yes"]).await?;
    }
    hearth.stop().await?;
    Ok(report)
}

/// Types a deploy. How long it took until the tool's page held this.
async fn deployed(
    keyboard: &Keyboard,
    visitor: &Client,
    words: &[&str],
    tool: &str,
    held: &str,
) -> Result<Duration> {
    let began = Instant::now();
    keyboard.done(words).await?;
    until("the page", async || {
        let call = visitor.call(Method::GET, "/").header(header::HOST, &format!("{tool}.localhost"));
        let answer = call.raw().await?;
        let good = answer.status().is_success();
        let page = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
        Ok((good && String::from_utf8_lossy(&page).contains(held)).then(|| began.elapsed()))
    })
    .await
}

/// Changes the page so that it holds this.
fn mark_page(source: &Path, mark: &str) -> Result<()> {
    let page = source.join("templates/home.html");
    let text = fs::read_to_string(&page).map_err(Error::internal)?;
    let before = text.split("<!-- mark").next().unwrap_or_default().trim_end();
    fs::write(page, format!("{before}\n<!-- mark {mark} -->\n")).map_err(Error::internal)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).map_err(Error::internal)? {
        let entry = entry.map_err(Error::internal)?;
        let goal = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&goal).map_err(Error::internal)?;
            copy(&entry.path(), &goal)?;
        } else {
            fs::copy(entry.path(), goal).map_err(Error::internal)?;
        }
    }
    Ok(())
}
