//! Earlier revisions, and components that are no page.

use std::fs;

use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, Hearth, HearthShape, wait_until};

use super::{Visitor, images::provide_images, write_files};

const ECHO_FILE: &str = "config_version: hearth/v1
tool: echo
components:
  bot: {image: bookworm, command: 'while :; do echo level $LEVEL; sleep 1; done'}
";

#[tokio::test]
async fn rollback_serves_the_earlier_page_and_a_bot_needs_no_port() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "bookworm", "static", "python3.11", "python3.11-slim"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).map_err(Error::internal);
    let source = folder.path().display().to_string();
    write("index.html", "<html>edition one</html>")?;
    cli.run_successfully(&["deploy", &source, "--new", "paper"]).await?;
    write("index.html", "<html>edition two</html>")?;
    cli.run_successfully(&["deploy", &source, "--tool", "paper"]).await?;
    assert!(visitor.visit_page("paper").await?.1.contains("edition two"));
    let listed = cli.run_successfully(&["revisions", "--tool", "paper", "--json=number"]).await?;
    assert!(listed.contains('2') && listed.contains('1'), "{listed}");
    let rolled = cli.run_successfully(&["rollback", "--tool", "paper"]).await?;
    assert!(rolled.contains("revision 3"), "{rolled}");
    assert!(visitor.visit_page("paper").await?.1.contains("edition one"));

    // The same folder with a bot and a scheduled program.
    write("Procfile", "web: exec python3 -m http.server $PORT\nbot: echo beep; exec sleep 1000\n")?;
    write("requirements.txt", "")?;
    let deployed = cli.run_successfully(&["deploy", &source, "--tool", "paper", "--continuous"]).await?;
    assert!(deployed.contains("not published"), "{deployed}");
    wait_until("the bot writes", async || {
        Ok(cli.run(&["logs", "bot", "--tool", "paper"]).await?.out.contains("beep").then_some(()))
    })
    .await?;
    let nightly = ["deploy", &source, "--tool", "paper", "--component", "nightly", "--schedule", "@daily"];
    let deployed = cli.run_successfully(&[&nightly[..], &["--command", "echo done"]].concat()).await?;
    assert!(deployed.contains("@daily"), "{deployed}");
    let jobs = cli.run_successfully(&["ps", "--tool", "paper"]).await?;
    assert!(jobs.contains("nightly") && jobs.contains("bot") && jobs.contains("web"), "{jobs}");
    assert!(visitor.visit_page("paper").await?.1.contains("edition one"), "the page is still there");
    check_drift(&cli).await?;
    check_rollback_with_variables(&cli).await?;
    hearth.stop().await
}

/// Jobs that were changed by hand are told by the overview of the tool, with the way back.
async fn check_drift(cli: &CliSession) -> Result<()> {
    assert!(!cli.run_successfully(&["status", "paper"]).await?.contains("changed "));
    cli.run_successfully(&["jobs", "scale", "bot", "2", "--tool", "paper"]).await?;
    let drifted = cli.run_successfully(&["status", "paper"]).await?;
    assert!(drifted.contains("replicas is 2, was not set"), "{drifted}");
    cli.run_successfully(&["rollback", "5", "--tool", "paper"]).await?;
    assert!(!cli.run_successfully(&["status", "paper"]).await?.contains("replicas"));
    Ok(())
}

/// The variables of a revision return with it, if they are asked for, until the next deployment.
async fn check_rollback_with_variables(cli: &CliSession) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    write_files(folder.path(), &[("hearth.yaml", ECHO_FILE)])?;
    let wait_for = async |line: &str| {
        wait_until(line, async || {
            let logged = cli.run(&["logs", "bot", "--tool", "echo", "--last", "1"]).await?.out;
            Ok(logged.contains(line).then_some(()))
        })
        .await
    };
    cli.run_successfully(&["new", "echo"]).await?;
    cli.run_successfully(&["envvars", "create", "LEVEL", "debug", "--tool", "echo"]).await?;
    let deployed = cli.run_in_folder(folder.path(), &["deploy"]).await?;
    assert_eq!(deployed.status, Some(0), "{deployed:?}");
    wait_for("level debug").await?;
    cli.run_successfully(&["envvars", "create", "LEVEL", "info", "--tool", "echo"]).await?;
    cli.run_successfully(&["jobs", "restart", "bot", "--tool", "echo"]).await?;
    wait_for("level info").await?;
    cli.run_successfully(&["rollback", "1", "--with-variables", "--tool", "echo"]).await?;
    wait_for("level debug").await?;
    cli.run_successfully(&["rollback", "1", "--tool", "echo"]).await?;
    wait_for("level info").await
}
