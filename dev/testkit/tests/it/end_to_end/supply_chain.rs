//! Packages of images, and builds that are repeated: a page and a Python tool become the same image again, and a source that
//! writes the present time does not.

use std::path::Path;

use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, CommandOutput, Hearth, HearthShape, checks_all_images, wait_until};
use serde_json::Value;

use super::{
    examples::{copy_folder, example_folder},
    images::provide_images,
    write_files,
};

/// Name of the tool of all builds: they share its cache, so that each base image is pulled once.
const TOOL_NAME: &str = "steady";
/// A Python tool with one package.
const PYTHON_SOURCE: &[(&str, &str)] = &[
    ("requirements.txt", "itsdangerous==2.2.0\n"),
    ("Procfile", "web: python3 -m http.server $PORT\n"),
    ("hello.py", "print('hello')\n"),
];
/// Command of a source that writes the present time.
const STAMPED_BUILD: &str = "build:\n  commands: [\"date +%s%N > stamp\"]\n";

#[tokio::test]
async fn equal_sources_make_equal_images_with_listed_packages() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "static", "python3.11", "python3.11-slim"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    operator.create_tool(TOOL_NAME).await?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let (page, python) = (folder.path().join("page"), folder.path().join("python"));
    copy_folder(&example_folder("static"), &page)?;
    write_files(&python, PYTHON_SOURCE)?;
    let equal = if checks_all_images() { vec![&page, &python] } else { vec![&page] };
    for source in equal {
        build_folder(&cli, source).await?;
        let repeated = repeat_build(&cli).await?;
        assert!(repeated.status == Some(0) && repeated.out.contains("is the same"), "{repeated:?}");
    }

    write_files(&python, &[("hearth.yaml", STAMPED_BUILD)])?;
    build_folder(&cli, &python).await?;
    check_packages(&cli, folder.path(), TOOL_NAME).await?;
    let repeated = repeat_build(&cli).await?;
    let named = repeated.out.lines().filter(|line| line.starts_with("file\t")).collect::<Vec<_>>();
    assert!(repeated.status != Some(0) && named == ["file\t/app/stamp: content"], "{repeated:?}");
    assert!(repeated.out.contains(": COPY dir:"), "the layer is named by its step: {repeated:?}");
    hearth.stop().await
}

/// Builds a folder.
async fn build_folder(cli: &CliSession, folder: &Path) -> Result<()> {
    cli.run_successfully(&["build", "start", &folder.display().to_string(), "--tool", TOOL_NAME])
        .await
        .map(drop)
}

/// Repeats the newest build.
async fn repeat_build(cli: &CliSession) -> Result<CommandOutput> {
    cli.run(&["build", "reproduce", "--tool", TOOL_NAME]).await
}

/// Checks that the packages of an image are listed, saved and part of its signed provenance.
async fn check_packages(cli: &CliSession, folder: &Path, tool: &str) -> Result<()> {
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
    for purl in ["pkg:deb/debian/", "pkg:pypi/itsdangerous@2.2.0"] {
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
