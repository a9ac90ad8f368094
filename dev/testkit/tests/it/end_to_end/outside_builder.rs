//! The adapter of `examples/outside-builder`: a tool is built by it, and runs.

use std::{net::TcpListener, path::Path, process::Stdio};

use hearth_base::{Error, Result, ToolName};
use hearth_testkit::{CliSession, Hearth, HearthShape, program_path, wait_until};
use hearth_wire::{builds::outside::OutsideBuilderCreate, tools::ToolCreate};
use http::StatusCode;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{Visitor, examples::example_folder, images::provide_images, write_files};

/// Finds a free port of the loopback interface: the address is registered before the adapter has its secret.
fn find_free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::internal)?;
    Ok(listener.local_addr().map_err(Error::internal)?.to_string())
}

/// Starts the adapter, and waits until it listens.
async fn start_adapter(hearth: &Hearth, address: &str, secret: &str, folder: &Path) -> Result<Child> {
    let log = std::fs::File::create(folder.join("adapter.log")).map_err(Error::internal)?;
    let programs = program_path("hearth")?;
    let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", programs.parent().unwrap().display());
    let mut adapter = Command::new("/usr/bin/python3");
    adapter.arg(example_folder("outside-builder").join("adapter.py")).arg(address);
    adapter
        .env("HEARTH_BUILDER_SECRET", secret)
        .env("HEARTH_URL", hearth.url())
        .env("PATH", path)
        .env("TMPDIR", folder)
        .env("HOME", folder);
    adapter.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
    let mut child = adapter.spawn().map_err(Error::internal)?;
    let out = child.stdout.take().ok_or_else(|| Error::internal("the adapter has no output"))?;
    let line = BufReader::new(out).lines().next_line().await.map_err(Error::internal)?;
    assert!(line.as_deref().is_some_and(|line| line.starts_with("listening on")), "{line:?}");
    Ok(child)
}

/// Checks that `hearth build verify` accepts the image, and names the outside builder.
async fn check_provenance(cli: &CliSession) -> Result<()> {
    let verified = wait_until("the provenance of the image", || async {
        let verified = cli.run(&["build", "verify", "--tool", "page"]).await?;
        Ok((verified.status == Some(0)).then_some(verified.out))
    })
    .await?;
    assert!(verified.contains("/builds/v1/outside-builders/tool-page/ci"), "{verified}");
    Ok(())
}

#[tokio::test]
async fn image_of_an_outside_builder_is_deployed_and_verified() -> Result<()> {
    let address = find_free_address()?;
    let config = format!("[outbound]\nallow = [\"{address}\"]\n");
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &config).await?;
    // There is no image of Hearth's own builder.
    provide_images(&hearth, &["static"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let (page, scratch) =
        (tempfile::tempdir().map_err(Error::internal)?, tempfile::tempdir().map_err(Error::internal)?);
    let tool: ToolName = "page".parse()?;
    operator.client.tools().create(&ToolCreate { name: tool.clone(), description: String::new() }).await?;
    let create =
        OutsideBuilderCreate { name: "ci".parse()?, url: format!("http://{address}/"), falls_back: false };
    let made = operator.client.builds().add_tool_builder(&tool, &create).await?;
    let _adapter = start_adapter(&hearth, &address, made.secret.expose_secret(), scratch.path()).await?;

    // The section of the source chooses the builder, and the log has its lines.
    let files =
        [("index.html", "<p>made outside</p>"), ("hearth.yaml", "tool: page\nbuild: {builder: ci}\n")];
    write_files(page.path(), &files)?;
    let folder = page.path().display().to_string();
    let built = cli.run(&["build", "start", &folder, "--tool", "page"]).await?;
    assert!(built.err.contains("STEP") && built.out.contains("is built from"), "{built:?}");
    check_provenance(&cli).await?;
    let shown = cli.run_successfully(&["build", "show", "--tool", "page"]).await?;
    assert!(shown.contains("tool-page/ci"), "{shown}");

    // The choice of the tool counts for its deployments.
    cli.run_successfully(&["build", "builders", "use", "ci", "--tool", "page"]).await?;
    write_files(page.path(), &[("index.html", "<p>deployed</p>")])?;
    cli.run_successfully(&["deploy", &folder, "--tool", "page"]).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    let (status, text) = visitor.visit_page("page").await?;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "<p>deployed</p>"));

    // A source that cannot be built fails with the reason of the adapter.
    std::fs::remove_file(page.path().join("index.html")).map_err(Error::internal)?;
    write_files(page.path(), &[("Containerfile", "FROM hearth/static\nCOPY missing.txt /\n")])?;
    let failed = cli.run(&["build", "start", &folder, "--tool", "page"]).await?;
    assert!(failed.status != Some(0) && failed.err.contains("buildah ended with the code"), "{failed:?}");
    hearth.stop().await
}
