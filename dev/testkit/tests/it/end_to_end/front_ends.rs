//! Pages that Node.js builds, and a program of another language serves.

use std::path::Path;

use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, Hearth, HearthShape, checks_all_images};

use super::{Visitor, images::provide_images, write_files};

/// A program of Python that serves what Vite writes outside of its own folder.
const VITE_AND_FLASK: [(&str, &str); 6] = [
    ("hearth.yaml", "config_version: hearth/v1\ntool: pages\nbuild:\n  front_end: assets\n"),
    ("requirements.txt", "flask\n"),
    (
        "app.py",
        "from flask import Flask\n\napp = Flask(__name__, static_folder=\"static\", static_url_path=\"\")\n\n\n\
         @app.get(\"/\")\ndef index():\n    return app.send_static_file(\"index.html\")\n",
    ),
    (
        "assets/package.json",
        "{\"private\": true, \"type\": \"module\", \"scripts\": {\"build\": \"vite build\"}, \"devDependencies\": {\"vite\": \"5.4.11\"}}",
    ),
    ("assets/vite.config.js", "export default { build: { outDir: '../static', emptyOutDir: true } };\n"),
    (
        "assets/index.html",
        "<!doctype html>\n<title>Pond</title>\n<script type=\"module\">document.title = `depth ${3 + 4}`;</script>\n",
    ),
];

/// A small program of Python without packages, and pages that esbuild makes: it is built in each run of the tests.
const ESBUILD_AND_PYTHON: [(&str, &str); 7] = [
    ("hearth.yaml", "config_version: hearth/v1\ntool: pages\nbuild:\n  front_end: assets\n"),
    ("requirements.txt", ""),
    ("Procfile", "web: python3 app.py\n"),
    (
        "app.py",
        "import functools\nimport http.server\nimport os\n\n\
         handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=\"static\")\n\
         http.server.ThreadingHTTPServer((\"\", int(os.environ[\"PORT\"])), handler).serve_forever()\n",
    ),
    (
        "assets/package.json",
        "{\"private\": true, \"scripts\": {\"build\": \"esbuild main.js --outfile=../static/assets/index-1.js && cp index.html \
         ../static/\"}, \"devDependencies\": {\"esbuild\": \"0.24.0\"}}",
    ),
    ("assets/main.js", "document.title = `depth ${3 + 4}`;\n"),
    (
        "assets/index.html",
        "<!doctype html>\n<title>Pond</title>\n<script type=\"module\" src=\"/assets/index-1.js\"></script>\n",
    ),
];

/// A site of a generator of Debian's.
const MKDOCS_SITE: [(&str, &str); 2] =
    [("mkdocs.yml", "site_name: Pond\n"), ("docs/index.md", "# Depth\n\nSeven metres.\n")];

async fn deploy(cli: &CliSession, folder: &Path, words: &[&str]) -> Result<()> {
    let printed = cli.run_in_folder(folder, &[&["deploy"], words].concat()).await?;
    assert_eq!(printed.status, Some(0), "{printed:?}");
    Ok(())
}

/// Deploys a tool with a front end; then again by the printed Containerfile, which was committed and changed.
async fn check_front_end(cli: &CliSession, visitor: &Visitor, files: &[(&str, &str)]) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    write_files(folder.path(), files)?;
    // The file of the source names the tool and the folder of the front end.
    cli.run_successfully(&["new", "pages"]).await?;
    deploy(cli, folder.path(), &[]).await?;
    let (status, page) = visitor.visit_page("pages").await?;
    assert!(status.is_success() && page.contains("src=\"/assets/index-"), "{status} {page}");

    let printed = cli.run_in_folder(folder.path(), &["build", "plan", "--containerfile"]).await?;
    assert!(printed.out.contains("AS frontend") && printed.status == Some(0), "{printed:?}");
    let changed = format!("{}RUN sed -i s/Pond/Lake/ static/index.html\n", printed.out);
    write_files(folder.path(), &[("Containerfile", &changed)])?;
    deploy(cli, folder.path(), &[]).await?;
    let (status, page) = visitor.visit_page("pages").await?;
    assert!(status.is_success() && page.contains("<title>Lake</title>"), "{status} {page}");
    Ok(())
}

#[tokio::test]
async fn front_end_and_program_of_one_source_answer_from_one_image() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "bookworm", "node18", "python3.11", "python3.11-slim", "static"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    let all = checks_all_images();
    check_front_end(&cli, &visitor, if all { &VITE_AND_FLASK[..] } else { &ESBUILD_AND_PYTHON[..] }).await?;
    if all {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        write_files(folder.path(), &MKDOCS_SITE)?;
        deploy(&cli, folder.path(), &["--new", "guide"]).await?;
        let (status, page) = visitor.visit_page("guide").await?;
        assert!(status.is_success() && page.contains("Seven metres."), "{status} {page}");
    }
    hearth.stop().await
}
