//! Deployments from a folder and from a repository to a page.

use std::pin::pin;

use futures::FutureExt;
use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, GitServer, Hearth, HearthShape, wait_until};
use hearth_wire::{jobs::RunEnd, reply::Paging};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{
    Visitor,
    examples::{copy_folder, example_folder},
    images::provide_images,
};

#[tokio::test]
async fn deploy_under_hearthd_up() -> Result<()> {
    check_deployments(HearthShape::UP_WITH_CONTAINERS).await
}

#[tokio::test]
async fn deploy_on_a_split_hearth() -> Result<()> {
    check_deployments(HearthShape::SPLIT_WITH_CONTAINERS).await
}

/// Checks that `hearth build verify` accepts the image of a tool, and names its source.
async fn check_provenance(cli: &CliSession, tool: &str, source: &str) -> Result<()> {
    // A background task signs it, a moment after the end of the build.
    let verified = wait_until("the provenance of the image", || async {
        let verified = cli.run(&["build", "verify", "--tool", tool]).await?;
        Ok((verified.status == Some(0)).then_some(verified.out))
    });
    let verified = verified.await?;
    assert!(verified.contains(source) && verified.contains("the signature is valid"), "{verified}");
    let image = format!("tool-{tool}/tool-{tool}");
    assert_eq!(cli.run_successfully(&["build", "verify", &image, "--tool", tool]).await?, verified);
    Ok(())
}

async fn check_deployments(shape: HearthShape) -> Result<()> {
    let git = GitServer::start().await?;
    let (address, root) = (git.address(), git.repository_url(""));
    let config = format!(
        "[outbound]\nallow = [\"{address}\"]\n[outbound.mirrors]\n\"https://code.example/\" = \"{root}\""
    );
    let hearth = Hearth::start_with(shape, &config).await?;
    let images = ["builder", "bookworm", "node18", "node18-slim", "static", "python3.11", "python3.11-slim"];
    provide_images(&hearth, &images)?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let visitor = Visitor::for_url(hearth.url())?;

    // Deploy a folder with packages from a registry.
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    copy_folder(&example_folder("node"), folder.path())?;
    let folder = folder.path().display().to_string();
    let printed = cli.run_successfully(&["deploy", &folder, "--new", "second"]).await?;
    assert!(printed.contains("http://second.localhost") && printed.contains("revision 1"), "{printed}");
    let (status, page) = visitor.visit_page("second").await?;
    assert!(status.is_success() && page.contains("<html"), "{status} {page}");

    // Follow its log, show its status, and run another program in its container.
    let mut following = cli.spawn_command(&["logs", "-f", "--tool", "second"])?;
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.map_err(Error::internal)? {
        if line.contains("listening on port 8000") {
            break;
        }
    }
    following.kill().await.map_err(Error::internal)?;
    assert!(cli.run_successfully(&["status", "--tool", "second"]).await?.contains("second"));
    assert!(
        cli.run_successfully(&["exec", "--tool", "second", "--", "node", "--version"])
            .await?
            .starts_with("v18")
    );

    // Deploy a repository that is fetched from a mirror.
    for file in ["index.html", "style.css"] {
        let text = std::fs::read_to_string(example_folder("static").join(file)).map_err(Error::internal)?;
        git.commit_files("repo.git", &[(file, &text)])?;
    }
    let public = "https://code.example/repo.git";
    cli.run_successfully(&["deploy", public, "--new", "third"]).await?;
    assert!(cli.run_successfully(&["build", "show", "--tool", "third"]).await?.contains(public));
    check_provenance(&cli, "third", &format!("git+{public}")).await?;
    check_provenance(&cli, "second", "urn:hearth:upload").await?;
    let (status, page) = visitor.visit_page("third").await?;
    assert!(status.is_success() && page.contains("<html"), "{status} {page}");

    // Deploy the same folder again.
    let again = cli.run(&["deploy", &folder, "--tool", "second"]).await?;
    assert_eq!(again.status, Some(0), "{}", again.err);

    // A new version replaces the old one, and every visit succeeds meanwhile.
    git.commit_files("repo.git", &[("index.html", "<html>the second edition</html>")])?;
    let url = git.repository_url("repo.git");
    let words = ["deploy", &url, "--tool", "third"];
    let mut deployed = pin!(cli.run_successfully(&words));
    let mut after = 0;
    while after < 200 {
        let (status, page) = visitor.visit_page("third").await?;
        assert!(status.is_success() && page.contains("<html"), "{status} {page}");
        if after > 0 {
            assert!(page.contains("the second edition"), "{page}");
            after += 1;
        } else if let Some(ended) = deployed.as_mut().now_or_never() {
            ended?;
            after = 1;
        }
    }

    // A run receives a variable, and its log is stored.
    cli.run_successfully(&["envvars", "create", "API_KEY", "s3cret", "--tool", "third"]).await?;
    let run = ["jobs", "run", "once", "--tool", "third", "--image", "bookworm", "--wait", "--command"];
    let ran = cli.run(&[&run[..], &["echo \"$API_KEY\"; exit 3"]].concat()).await?;
    assert!(ran.status == Some(3) && ran.err.contains("it ended with status 3"), "{ran:?}");
    wait_until("the log has the line", async || {
        let log = cli.run_successfully(&["jobs", "logs", "once", "--tool", "third"]).await?;
        Ok(log.contains("s3cret").then_some(()))
    })
    .await?;

    // A command of several programs stops on SIGTERM.
    let run = ["jobs", "run", "loop", "--tool", "third", "--image", "bookworm", "--continuous", "--command"];
    cli.run_successfully(&[&run[..], &["echo begun; sleep 1000; echo never"]].concat()).await?;
    wait_until("the log has the line", async || {
        let log = cli.run(&["jobs", "logs", "loop", "--tool", "third"]).await?;
        Ok(log.out.contains("begun").then_some(()))
    })
    .await?;
    cli.run_successfully(&["jobs", "restart", "loop", "--tool", "third"]).await?;
    let (tool, job, all) = ("third".parse()?, "loop".parse()?, Paging::default());
    let ended = wait_until("the first run ends", async || {
        let runs = operator.client.jobs().list_runs(&tool, &job, &all).await?.runs;
        Ok(runs.into_iter().find(|run| run.end.is_some()))
    });
    let ended = ended.await?;
    assert_eq!((ended.end, ended.exit_code), (Some(RunEnd::Stopped), Some(143)), "{ended:?}");

    // The deletion of a tool removes its page.
    cli.run_successfully(&["tool", "delete", "third", "--yes"]).await?;
    wait_until("the page is gone", async || Ok((visitor.visit_page("third").await?.0 == 404).then_some(())))
        .await?;
    hearth.stop().await
}
