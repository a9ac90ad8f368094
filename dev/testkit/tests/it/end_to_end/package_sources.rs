//! Package sources in real builds: asked for, accepted, and used.

use hearth_base::{Error, Result};
use hearth_testkit::{AptRepository, CliSession, Hearth, HearthShape};
use serde_json::Value;

use super::{Visitor, images::provide_images, write_files};

/// A tool that serves a file of a package.
const POND_FILES: [(&str, &str); 3] = [
    ("requirements.txt", ""),
    ("Aptfile", "hearth-pond\n"),
    ("Procfile", "web: python3 -m http.server $PORT --directory /usr/share/hearth-pond\n"),
];

async fn request_source(cli: &CliSession) -> Result<String> {
    let words =
        ["--tool", "pond", "request", "create", "package-source", "pond", "--reason", "depth", "--json=id"];
    let printed: Value =
        serde_json::from_str(&cli.run_successfully(&words).await?).map_err(Error::internal)?;
    Ok(printed["id"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn tool_installs_packages_of_a_source_that_it_asked_for() -> Result<()> {
    let repository = AptRepository::start(&[("hearth-pond", "7.5")]).await?;
    let config = format!("[outbound]\nallow = [\"{}\"]", repository.format_address());
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &config).await?;
    provide_images(&hearth, &["builder", "python3.11", "python3.11-slim"])?;
    let cli = hearth.operator().await?.open_cli_session(&hearth).await?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    write_files(folder.path(), &POND_FILES)?;
    let sources = tempfile::tempdir().map_err(Error::internal)?;
    let (source, key) = (repository.render_source("127.0.0.1"), repository.read_key()?);
    write_files(sources.path(), &[("pond.sources", &source), ("pond.asc", &key)])?;

    let add = ["admin", "package-sources", "add", "pond", "--file", "pond.sources", "--key", "pond.asc"];
    let added = cli.run_in_folder(sources.path(), &add).await?;
    assert_eq!(added.status, Some(0), "{added:?}");
    let refused = cli.run_in_folder(folder.path(), &["deploy", "--new", "pond"]).await?;
    let said = format!("{}\n{}", refused.out, refused.err);
    assert!(refused.status == Some(1) && said.contains("Unable to locate package hearth-pond"), "{said}");
    assert!(said.contains("hearth request create package-source"), "{said}");

    let request = request_source(&cli).await?;
    cli.run_successfully(&["admin", "requests", "accept", &request]).await?;
    let deployed = cli.run_in_folder(folder.path(), &["deploy"]).await?;
    assert_eq!(deployed.status, Some(0), "{deployed:?}");
    let visitor = Visitor::for_url(hearth.url())?;
    let (status, page) = visitor.visit_page("pond").await?;
    assert!(status.is_success() && page.contains("version"), "{status} {page}");
    hearth.stop().await
}
