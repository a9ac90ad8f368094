//! From a folder and from a repository to pages that answer.

use std::pin::pin;

use futures::FutureExt;
use hearth_base::{Error, Result};
use hearth_testkit::{GitServer, Hearth, Shape, until};
use hearth_wire::{jobs::RunEnd, reply::Paging};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{
    Visitor,
    examples::{copy_folder, example},
    images::provide,
};

#[tokio::test]
async fn up() -> Result<()> {
    a_folder_and_a_repository_become_pages(Shape::UP).await
}

#[tokio::test]
async fn split() -> Result<()> {
    a_folder_and_a_repository_become_pages(Shape::SPLIT_WITH_CONTAINERS).await
}

async fn a_folder_and_a_repository_become_pages(shape: Shape) -> Result<()> {
    let git = GitServer::start().await?;
    let (place, root) = (git.place(), git.url(""));
    let config = format!(
        "[outbound]\nallow = [\"{place}\"]\n[outbound.mirrors]\n\"https://code.example/\" = \"{root}\""
    );
    let hearth = Hearth::start_with(shape, &config).await?;
    provide(&hearth, &["builder", "bookworm", "node18", "python3.11"])?;
    let operator = hearth.operator().await?;
    let keyboard = operator.keyboard(&hearth).await?;
    let visitor = Visitor::at(hearth.url())?;

    // A folder, with packages of a registry.
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    copy_folder(&example("node"), folder.path())?;
    let folder = folder.path().display().to_string();
    let address = keyboard.done(&["deploy", &folder, "--new", "second"]).await?;
    assert!(address.contains("http://second.localhost") && address.contains("revision 1"), "{address}");
    let (status, page) = visitor.visits("second").await?;
    assert!(status.is_success() && page.contains("<html"), "{status} {page}");

    // What it wrote, followed; how it is; another program inside.
    let mut following = keyboard.begins(&["logs", "-f", "--tool", "second"])?;
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.map_err(Error::internal)? {
        if line.contains("listening on port 8000") {
            break;
        }
    }
    following.kill().await.map_err(Error::internal)?;
    assert!(keyboard.done(&["status", "--tool", "second"]).await?.contains("second"));
    assert!(
        keyboard.done(&["exec", "--tool", "second", "--", "node", "--version"]).await?.starts_with("v18")
    );

    // A repository, which is fetched from a mirror.
    for file in ["index.html", "style.css"] {
        let text = std::fs::read_to_string(example("static").join(file)).map_err(Error::internal)?;
        git.commit("repo.git", &[(file, &text)])?;
    }
    let public = "https://code.example/repo.git";
    keyboard.done(&["deploy", public, "--new", "third"]).await?;
    assert!(keyboard.done(&["build", "show", "--tool", "third"]).await?.contains(public));
    let (status, page) = visitor.visits("third").await?;
    assert!(status.is_success() && page.contains("<html"), "{status} {page}");

    // The same again: nothing is built.
    let again = keyboard.types(&["deploy", &folder, "--tool", "second"]).await?;
    assert_eq!(again.status, Some(0), "{}", again.err);

    // What is new takes over, and no visitor notices.
    git.commit("repo.git", &[("index.html", "<html>the second edition</html>")])?;
    let url = git.url("repo.git");
    let words = ["deploy", &url, "--tool", "third"];
    let mut deployed = pin!(keyboard.done(&words));
    let mut after = 0;
    while after < 200 {
        let (status, page) = visitor.visits("third").await?;
        assert!(status.is_success() && page.contains("<html"), "{status} {page}");
        if after > 0 {
            assert!(page.contains("the second edition"), "{page}");
            after += 1;
        } else if let Some(ended) = deployed.as_mut().now_or_never() {
            ended?;
            after = 1;
        }
    }

    // A variable reaches a run, and its log is there.
    keyboard.done(&["envvars", "create", "API_KEY", "s3cret", "--tool", "third"]).await?;
    let run = ["jobs", "run", "once", "--tool", "third", "--image", "bookworm", "--wait", "--command"];
    let ran = keyboard.types(&[&run[..], &["echo \"$API_KEY\"; exit 3"]].concat()).await?;
    assert!(ran.status == Some(1) && ran.err.contains("it ended with status 3"), "{ran:?}");
    until("its log", async || {
        let log = keyboard.done(&["jobs", "logs", "once", "--tool", "third"]).await?;
        Ok(log.contains("s3cret").then_some(()))
    })
    .await?;

    // What is more than one program ends when it is asked to.
    let run = ["jobs", "run", "loop", "--tool", "third", "--image", "bookworm", "--continuous", "--command"];
    keyboard.done(&[&run[..], &["echo begun; sleep 1000; echo never"]].concat()).await?;
    until("its log", async || {
        let log = keyboard.types(&["jobs", "logs", "loop", "--tool", "third"]).await?;
        Ok(log.out.contains("begun").then_some(()))
    })
    .await?;
    keyboard.done(&["jobs", "restart", "loop", "--tool", "third"]).await?;
    let (tool, job, all) = ("third".parse()?, "loop".parse()?, Paging::default());
    let ended = until("the end of the first", async || {
        let runs = operator.client.jobs().runs(&tool, &job, &all).await?.runs;
        Ok(runs.into_iter().find(|run| run.end.is_some()))
    });
    let ended = ended.await?;
    assert_eq!((ended.end, ended.exit_code), (Some(RunEnd::Stopped), Some(143)), "{ended:?}");

    // Its end is the end of everything of it.
    keyboard.done(&["tool", "delete", "third", "--yes"]).await?;
    until("the page to be gone", async || Ok((visitor.visits("third").await?.0 == 404).then_some(())))
        .await?;
    hearth.stop().await
}
