//! Earlier revisions, and components that are no page.

use std::fs;

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, HearthShape, wait_until};

use super::{Visitor, images::provide_images};

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
    hearth.stop().await
}
