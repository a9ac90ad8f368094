//! Packages of images, and builds that are repeated: a page and a Python tool become the same image again, and a source that
//! writes the present time does not.

use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, Hearth, HearthShape, Person, wait_until};
use serde_json::Value;

use super::{
    examples::{copy_folder, example_folder},
    images::provide_images,
    write_files,
};

/// Plain files with a command that writes the present time.
const STAMPED_SOURCE: &[(&str, &str)] = &[
    ("index.html", "<html>stamped</html>"),
    ("Procfile", "web: static-server 8000\n"),
    ("hearth.yaml", "build:\n  commands: [\"date +%s%N > stamp\"]\n"),
];

#[tokio::test]
async fn equal_sources_make_equal_images_with_listed_packages() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "bookworm", "static", "python3.11", "python3.11-slim"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    for (tool, example) in [("page", "static"), ("greeting", "hello")] {
        let copy = folder.path().join(tool);
        copy_folder(&example_folder(example), &copy)?;
        build_folder(&operator, &cli, tool, &copy.display().to_string()).await?;
        let repeated = cli.run(&["build", "reproduce", "--tool", tool]).await?;
        assert!(repeated.status == Some(0) && repeated.out.contains("is the same"), "{repeated:?}");
    }
    check_packages(&cli, folder.path(), "greeting").await?;

    let stamped = folder.path().join("stamped");
    write_files(&stamped, STAMPED_SOURCE)?;
    build_folder(&operator, &cli, "stamped", &stamped.display().to_string()).await?;
    let repeated = cli.run(&["build", "reproduce", "--tool", "stamped"]).await?;
    assert!(repeated.status != Some(0) && repeated.out.contains("/app/stamp: content"), "{repeated:?}");
    assert!(repeated.out.contains("date +%s%N"), "the layer is named by its step: {repeated:?}");
    hearth.stop().await
}

/// Builds a folder for a new tool.
async fn build_folder(operator: &Person, cli: &CliSession, tool: &str, folder: &str) -> Result<()> {
    operator.create_tool(tool).await?;
    let built = cli.run(&["build", "start", folder, "--tool", tool]).await?;
    assert_eq!(built.status, Some(0), "{built:?}");
    Ok(())
}

/// Checks that the packages of an image are listed, saved and part of its signed provenance.
async fn check_packages(cli: &CliSession, folder: &std::path::Path, tool: &str) -> Result<()> {
    let verified = wait_until("the provenance of the image", || async {
        let verified = cli.run(&["build", "verify", "--tool", tool]).await?;
        Ok((verified.status == Some(0)).then_some(verified.out))
    });
    let verified = verified.await?;
    assert!(verified.contains("packages, listed in the signed sha256:"), "{verified}");
    assert!(
        verified.contains("hearth/python3.11 sha256:") && verified.contains("urn:hearth:plan"),
        "{verified}"
    );
    let listed = cli.run_successfully(&["build", "sbom", "--tool", tool]).await?;
    for purl in ["pkg:deb/debian/", "pkg:pypi/flask@"] {
        assert!(listed.contains(purl), "{purl}: {listed}");
    }
    let file = folder.join("sbom.json").display().to_string();
    cli.run_successfully(&["build", "sbom", "--output", &file, "--tool", tool]).await?;
    let saved = std::fs::read(&file).map_err(Error::internal)?;
    let sbom: Value = serde_json::from_slice(&saved).map_err(Error::internal)?;
    assert_eq!(sbom["bomFormat"], "CycloneDX");
    let shown = cli.run_successfully(&["build", "show", "--tool", tool]).await?;
    assert!(shown.contains("packages; hearth build sbom lists them"), "{shown}");
    Ok(())
}
