//! A tool of five components from one folder: deployed, changed, compared and rolled back by the command line.

use std::path::Path;

use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, Hearth, HearthShape};

use super::{Visitor, images::provide_images, write_files};

const TOOL_FILE: &str = "config_version: hearth/v1
tool: pond
components:
  web: {publish: true, command: python3 app.py}
  worker: {reuse_from: web, command: python3 worker.py}
  tick: {reuse_from: web, command: python3 tick.py, schedule: '@hourly'}
  migrate: {reuse_from: web, command: python3 migrate.py, run: before}
  site: {build: {folder: site}, command: web, port: 8000}
";
/// The line of [`TOOL_FILE`] that names the worker.
const WORKER_LINE: &str = "  worker: {reuse_from: web, command: python3 worker.py}\n";

/// Serves its release, and the page of the component `site`.
const APP_PROGRAM: &str = "import http.server, os, urllib.request

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        site = urllib.request.urlopen('http://site:8000/').read().decode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f'RELEASE: {site}'.encode())

http.server.ThreadingHTTPServer(('', int(os.environ['PORT'])), Page).serve_forever()
";
const WORKER_PROGRAM: &str = "import time\nwhile True:\n    time.sleep(1)\n";

fn write_release(folder: &Path, release: &str, tool_file: &str, migration: &str) -> Result<()> {
    let app = APP_PROGRAM.replace("RELEASE", release);
    let files = [
        ("hearth.yaml", tool_file),
        ("requirements.txt", ""),
        ("app.py", &app),
        ("worker.py", WORKER_PROGRAM),
        ("tick.py", "print('tick')\n"),
        ("migrate.py", migration),
        ("site/index.html", "<title>Pond</title>"),
    ];
    write_files(folder, &files)
}

async fn list_jobs(cli: &CliSession, folder: &Path) -> Result<Vec<String>> {
    let printed = cli.run_in_folder(folder, &["jobs", "list", "--json=name"]).await?;
    let jobs: Vec<serde_json::Value> = serde_json::from_str(&printed.out).map_err(Error::internal)?;
    Ok(jobs.iter().filter_map(|job| job["name"].as_str().map(str::to_owned)).collect())
}

async fn check_page(visitor: &Visitor, release: &str) -> Result<()> {
    let (status, page) = visitor.visit_page("pond").await?;
    assert!(status.is_success() && page == format!("{release}: <title>Pond</title>"), "{status} {page}");
    Ok(())
}

#[tokio::test]
async fn five_components_of_one_folder_change_together() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "bookworm", "python3.11", "python3.11-slim", "static"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let folder = folder.path();
    cli.run_successfully(&["new", "pond"]).await?;

    write_release(folder, "first", TOOL_FILE, "print('migrated')\n")?;
    let deployed = cli.run_in_folder(folder, &["deploy"]).await?;
    assert_eq!(deployed.status, Some(0), "{deployed:?}");
    check_page(&visitor, "first").await?;
    assert_eq!(list_jobs(&cli, folder).await?, ["migrate", "site", "tick", "web", "worker"]);

    // A migration that fails changes nothing else.
    write_release(folder, "second", TOOL_FILE, "raise SystemExit('no such table: pond')\n")?;
    let failed = cli.run_in_folder(folder, &["deploy"]).await?;
    assert_eq!(failed.status, Some(1), "{failed:?}");
    assert!(
        failed.err.contains("migrate has not succeeded") && failed.err.contains("no such table: pond"),
        "{failed:?}"
    );
    check_page(&visitor, "first").await?;

    let without_worker = TOOL_FILE.replace(WORKER_LINE, "");
    write_release(folder, "second", &without_worker, "print('migrated')\n")?;
    let deployed = cli.run_in_folder(folder, &["deploy"]).await?;
    assert_eq!(deployed.status, Some(0), "{deployed:?}");
    check_page(&visitor, "second").await?;
    assert_eq!(list_jobs(&cli, folder).await?, ["migrate", "site", "tick", "web"]);

    let compared = cli.run_in_folder(folder, &["diff", "1", "2"]).await?;
    assert!(compared.status == Some(0) && compared.out.contains("worker"), "{compared:?}");
    let back = cli.run_in_folder(folder, &["rollback", "1"]).await?;
    assert_eq!(back.status, Some(0), "{back:?}");
    check_page(&visitor, "first").await?;
    // The migration does not run again.
    assert_eq!(list_jobs(&cli, folder).await?, ["site", "tick", "web", "worker"]);
    hearth.stop().await
}
