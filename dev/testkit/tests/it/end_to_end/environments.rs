//! An environment of a tool has a page of its own: deployed, listed and deleted by the command line.

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, HearthShape, wait_until};
use http::StatusCode;

use super::{Visitor, images::provide_images, write_files};

const TOOL_FILE: &str = "config_version: hearth/v1
tool: pond
components:
  web: {build: {folder: site}, command: web, publish: true}
environments:
  staging:
    components:
      web: {build: {folder: staging-site}}
";

#[tokio::test]
async fn environment_answers_at_its_own_address_and_production_stays() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "bookworm", "static"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let folder = folder.path();
    cli.run_successfully(&["new", "pond"]).await?;
    let files = [
        ("hearth.yaml", TOOL_FILE),
        ("site/index.html", "<title>Production</title>"),
        ("staging-site/index.html", "<title>Staging</title>"),
    ];
    write_files(folder, &files)?;
    let run = async |arguments: &[&str]| {
        let done = cli.run_in_folder(folder, arguments).await?;
        assert_eq!(done.status, Some(0), "{arguments:?}: {done:?}");
        Ok::<_, Error>(done.out)
    };

    run(&["deploy"]).await?;
    assert_eq!(visitor.visit_page("pond").await?.1, "<title>Production</title>");
    assert_eq!(visitor.visit_page("pond--staging").await?.0, StatusCode::NOT_FOUND);
    let deployed = run(&["deploy", "--environment", "staging"]).await?;
    assert!(deployed.contains("//pond--staging.localhost"), "{deployed}");
    assert_eq!(visitor.visit_page("pond--staging").await?.1, "<title>Staging</title>");
    assert_eq!(visitor.visit_page("pond").await?.1, "<title>Production</title>");

    let listed = run(&["environments"]).await?;
    assert!(listed.contains("staging") && listed.contains("//pond--staging.localhost"), "{listed}");
    let status = run(&["status", "pond"]).await?;
    assert!(status.contains("environment staging") && status.contains("//pond--staging."), "{status}");
    // The page of the tool is still that of production.
    let opened = run(&["open", "--print"]).await?;
    assert!(opened.contains("//pond.localhost"), "{opened}");

    let planned = run(&["environments", "delete", "staging", "--dry-run"]).await?;
    assert!(planned.contains("web--staging"), "{planned}");
    assert_eq!(visitor.visit_page("pond--staging").await?.0, StatusCode::OK);
    run(&["environments", "delete", "staging", "--yes"]).await?;
    wait_until("the page of the environment is gone", async || {
        let (status, _) = visitor.visit_page("pond--staging").await?;
        Ok((status == StatusCode::NOT_FOUND).then_some(()))
    })
    .await?;
    assert_eq!(visitor.visit_page("pond").await?.1, "<title>Production</title>");
    hearth.stop().await
}
