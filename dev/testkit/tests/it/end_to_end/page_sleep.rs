//! A page that sleeps without visits, and wakes by the next one.

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, HearthShape, wait_until_within};
use http::StatusCode;
use std::time::Duration;

use super::{Visitor, images::provide_images, write_files};

const TOOL_FILE: &str = "config_version: hearth/v1
tool: pond
components:
  web: {build: {folder: site}, command: web, publish: true, sleep_after: 10s}
";

#[tokio::test]
async fn page_without_visits_sleeps_and_its_next_visitor_wakes_it() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "bookworm", "static"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let folder = folder.path();
    cli.run_successfully(&["new", "pond"]).await?;
    write_files(folder, &[("hearth.yaml", TOOL_FILE), ("site/index.html", "<title>Pond</title>")])?;
    let deployed = cli.run_in_folder(folder, &["deploy"]).await?;
    assert_eq!(deployed.status, Some(0), "{deployed:?}");
    assert_eq!(visitor.visit_page("pond").await?.1, "<title>Pond</title>");
    for _ in 0..2 {
        wait_until_within(Duration::from_secs(90), "the page is asleep", async || {
            let status = cli.run_in_folder(folder, &["status", "pond"]).await?;
            Ok((status.status == Some(0) && status.out.contains("Asleep")).then_some(()))
        })
        .await?;
        let (first, second) = tokio::join!(visitor.visit_page("pond"), visitor.visit_page("pond"));
        assert_eq!(first?, (StatusCode::OK, "<title>Pond</title>".to_owned()));
        assert_eq!(second?, (StatusCode::OK, "<title>Pond</title>".to_owned()));
        let status = cli.run_in_folder(folder, &["status", "pond"]).await?;
        assert!(status.out.contains("Running"), "{status:?}");
    }
    // An unchanged page that sleeps is deployed again without waking.
    wait_until_within(Duration::from_secs(90), "the page is asleep", async || {
        let status = cli.run_in_folder(folder, &["status", "pond"]).await?;
        Ok(status.out.contains("Asleep").then_some(()))
    })
    .await?;
    let back = cli.run_in_folder(folder, &["restart", "web"]).await?;
    assert_eq!(back.status, Some(0), "{back:?}");
    hearth.stop().await
}
