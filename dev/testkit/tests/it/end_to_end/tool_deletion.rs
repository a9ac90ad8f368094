//! The deletion of a tool that still runs.

use hearth_base::Result;
use hearth_testkit::{Hearth, HearthShape, wait_until};

use super::images::provide_images;

/// Containers that ignore the stop signal, and whose grace is five minutes: one that runs, and one that is being
/// stopped already.
#[tokio::test]
async fn deleted_tool_is_stopped_although_its_jobs_have_a_long_grace() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["bookworm"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    cli.run_successfully(&["new", "stubborn"]).await?;
    for name in ["runs", "stops"] {
        let run = ["jobs", "run", name, "--tool", "stubborn", "--image", "bookworm", "--continuous"];
        let command = ["--grace", "300", "--command", "trap '' TERM; echo begun; while :; do sleep 1; done"];
        cli.run_successfully(&[&run[..], &command].concat()).await?;
        wait_until("the job runs", async || {
            let log = cli.run(&["jobs", "logs", name, "--tool", "stubborn"]).await?;
            Ok(log.out.contains("begun").then_some(()))
        })
        .await?;
    }
    cli.run_successfully(&["jobs", "delete", "stops", "--tool", "stubborn", "--yes"]).await?;
    cli.run_successfully(&["tool", "delete", "stubborn", "--yes"]).await?;
    wait_until("the tool is gone", async || {
        let tools = cli.run_successfully(&["tool", "list"]).await?;
        Ok((!tools.contains("stubborn")).then_some(()))
    })
    .await?;
    hearth.stop().await
}
