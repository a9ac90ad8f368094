//! From `hearth deploy` to a page that answers.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use hearth_base::{Error, Result};
use hearth_client::{Anonymous, Client, Transport};
use hearth_testkit::{Hearth, Keyboard, Shape};
use http::{Method, header};
use http_body_util::BodyExt;

use crate::{
    images::provide,
    report::{Goal, Report, Row},
    times::{Times, millis},
};

/// How often the tool is changed and deployed again.
const CHANGES: u32 = 2;

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
    let pages = Times::new(changed.iter().map(|took| took.page).collect());
    let commands = Times::new(changed.iter().map(|took| took.command).collect());
    let what = "a changed page of a Python tool → first 200 with the change, median";
    report.row(Row::new(what, pages.median() / 1000.0, "s").goal(Goal::AtMost(10.0)));
    report.row(Row::new("the same → the command ends, median", commands.median() / 1000.0, "s"));
    let last = format!("change-{}", CHANGES - 1);
    // The first tool's name stands in the folder.
    fs::remove_file(source.path().join("hearth.yaml")).map_err(Error::internal)?;
    let other = ["deploy", &folder, "--new", "other"];
    let other = deployed(&keyboard, &visitor, &other, "other", &last).await?;
    let row = |what: &str, took: Duration| Row::new(what, millis(took) / 1000.0, "s");
    report.row(row("the same source as a new tool → first 200", other.page));
    report.row(row("the first deploy of all → first 200", cold.page));
    report.note("packages come from the registry that this machine's pip is set to");
    for tool in ["bench", "other"] {
        keyboard.done(&["tool", "delete", tool, "--yes"]).await?;
    }
    hearth.stop().await?;
    Ok(report)
}

/// How long a deploy took.
struct Took {
    /// Until the tool's page held what it should.
    page: Duration,
    /// Until the command ended.
    command: Duration,
}

/// Types a deploy, and looks at the tool's page until it holds this.
async fn deployed(
    keyboard: &Keyboard,
    visitor: &Client,
    words: &[&str],
    tool: &str,
    held: &str,
) -> Result<Took> {
    /// The longest that a page may take.
    const PATIENCE: Duration = Duration::from_secs(120);
    const PAUSE: Duration = Duration::from_millis(20);
    let began = Instant::now();
    let typed = async { keyboard.done(words).await.map(|_| began.elapsed()) };
    let seen = tokio::time::timeout(PATIENCE, async {
        loop {
            let call = visitor.call(Method::GET, "/").header(header::HOST, &format!("{tool}.localhost"));
            let answer = call.raw().await?;
            let good = answer.status().is_success();
            let page = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
            if good && String::from_utf8_lossy(&page).contains(held) {
                return Ok(began.elapsed());
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    let seen = async { seen.await.map_err(|_| Error::internal(format!("{tool} never showed {held}")))? };
    let (command, page) = tokio::try_join!(typed, seen)?;
    Ok(Took { page, command })
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
        } else if entry.file_name() != "hearth.yaml" {
            // Somebody may have deployed the example from here: the copy belongs to no tool.
            fs::copy(entry.path(), goal).map_err(Error::internal)?;
        }
    }
    Ok(())
}
