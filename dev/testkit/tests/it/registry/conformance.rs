//! The conformance suite of the OCI distribution specification, which is written in Go.

use std::path::{Path, PathBuf};

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, HearthShape, program_path};
use tempfile::TempDir;
use tokio::process::Command;

use super::create_owner;

/// Package of the suite. `conformance/go.mod` has its version, and `go.sum` the digests of its code.
const SUITE_PACKAGE: &str = "github.com/opencontainers/distribution-spec/conformance";

/// Builds the suite into the target folder. Go builds again only what has changed.
async fn build_suite() -> Result<PathBuf> {
    let hearthd = program_path("hearthd")?;
    let target = hearthd.parent().and_then(Path::parent);
    let target = target.ok_or_else(|| Error::internal("the program is in no target folder"))?;
    let program = target.join("tools/oci-conformance");
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let mut go = Command::new("go");
    go.current_dir(module).args(["build", "-mod=readonly", "-o"]).arg(&program).arg(SUITE_PACKAGE);
    let output = go.output().await.map_err(Error::internal)?;
    match output.status.success() {
        true => Ok(program),
        false => Err(Error::internal(format!("go build: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}

#[tokio::test]
async fn registry_passes_the_conformance_suite_of_the_specification() -> Result<()> {
    let suite = build_suite().await?;
    let hearth = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
    let operator = hearth.operator().await?;
    let (_, token) = create_owner(&hearth, &operator, "hello").await?;
    let results = TempDir::new().map_err(Error::internal)?;
    let mut run = Command::new(suite);
    run.current_dir(results.path())
        .env("OCI_REGISTRY", hearth.url().trim_start_matches("http://"))
        .env("OCI_TLS", "disabled")
        .env("OCI_REPO1", "tool-hello/one")
        .env("OCI_REPO2", "tool-hello/two")
        .env("OCI_USERNAME", "anybody")
        .env("OCI_PASSWORD", token.expose_secret())
        .env("OCI_RESULTS_DIR", results.path())
        .env("OCI_VERSION", "1.1")
        // Optional parts of the specification that this registry has.
        .env("OCI_API_BLOBS_UPLOAD_CANCEL", "true")
        .env("OCI_API_BLOBS_DIGEST_HEADER", "true")
        .env("OCI_API_MANIFESTS_DIGEST_HEADER", "true")
        // Optional in the image specification: every digest of this registry is a SHA-256.
        .env("OCI_DATA_SHA512", "false");
    let output = run.output().await.map_err(Error::internal)?;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{report}");
    let passed = |line: &str| line.contains("OCI Conformance Result: Pass");
    assert!(report.lines().any(passed), "{report}");
    // A part that the suite skips because the registry lacks it has not passed.
    let parts = report.lines().skip_while(|line| !line.starts_with("API conformance:")).skip(1);
    let parts: Vec<&str> = parts.take_while(|line| !line.is_empty()).collect();
    let lacking: Vec<&&str> =
        parts.iter().filter(|line| !line.ends_with(" Pass") && !line.contains("tag params")).collect();
    assert!(parts.len() > 20 && lacking.is_empty(), "{lacking:#?}\n{report}");
    Ok(())
}
