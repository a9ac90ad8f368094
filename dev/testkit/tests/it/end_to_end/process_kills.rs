//! Kills processes of Hearth while tools serve visitors.

use std::time::Duration;

use hearth_base::{Error, Result, Role, ToolName};
use hearth_client::Client;
use hearth_testkit::{CliSession, GitServer, Hearth, HearthShape, wait_until};
use hearth_wire::{
    builds::BuildStep,
    components::{
        DeploySource, Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentQuery, DeploymentState,
        GitSource,
    },
    reply::Paging,
};
use tokio::sync::watch;

use super::{Visitor, images::provide_images};

const PAGE_FILE: (&str, &str) = ("index.html", "<html>hello</html>");

#[tokio::test]
async fn tools_keep_running_and_deployments_finish_after_all_of_hearth_is_killed() -> Result<()> {
    let git = GitServer::start().await?;
    let allow = format!("[outbound]\nallow = [\"{}\"]", git.address());
    let mut hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &allow).await?;
    provide_images(&hearth, &["builder", "static", "python3.11", "python3.11-slim"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    git.commit_files("hello", &[PAGE_FILE])?;
    git.commit_files(
        "slow",
        &[("requirements.txt", ""), ("Procfile", "web: python3 -m http.server $PORT"), PAGE_FILE],
    )?;
    cli.run_successfully(&["deploy", &git.repository_url("hello"), "--new", "hello"]).await?;
    let before = read_first_process_start(&cli).await?;

    cli.run_successfully(&["new", "slow"]).await?;
    let slow: ToolName = "slow".parse()?;
    let started = start_deployment(&operator.client, &slow, &git.repository_url("slow")).await?;
    wait_until("the build reaches the image step", async || {
        let build = operator.client.builds().show_latest(&slow).await.ok();
        Ok(build.filter(|build| build.step == BuildStep::Image).map(drop))
    })
    .await?;
    hearth.kill_all().await?;
    hearth.start_missing_processes().await?;
    let visitor = Visitor::for_url(hearth.url())?;
    wait_until("the page answers", async || Ok((visitor.visit_page("hello").await?.0 == 200).then_some(())))
        .await?;
    assert_eq!(read_first_process_start(&cli).await?, before, "the tool was restarted");

    let finished = wait_for_deployment(&operator.client, &slow, &started).await?;
    assert_eq!(finished.status, DeploymentState::Successful, "{}", finished.long_status);
    assert_eq!(visitor.visit_page("slow").await?.0, 200);
    let all = Paging::default();
    assert_eq!(operator.client.builds().list(&slow, &all).await?.builds.len(), 1);
    assert_eq!(operator.client.components().list_revisions(&slow, &all).await?.revisions.len(), 1);
    assert_eq!(operator.client.jobs().list_runs(&slow, &"web".parse()?, &all).await?.runs.len(), 1);
    hearth.stop().await
}

#[tokio::test]
async fn pages_answer_while_any_other_role_is_killed() -> Result<()> {
    let git = GitServer::start().await?;
    let allow = format!("[outbound]\nallow = [\"{}\"]", git.address());
    let mut hearth = Hearth::start_with(HearthShape::SPLIT_WITH_CONTAINERS, &allow).await?;
    provide_images(&hearth, &["builder", "static", "python3.11", "python3.11-slim"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    git.commit_files("hello", &[PAGE_FILE])?;
    cli.run_successfully(&["deploy", &git.repository_url("hello"), "--new", "hello"]).await?;

    // Visitors connect to the edge directly, because the gateway is killed too.
    let edge = hearth.role_address(Role::Edge).unwrap();
    let visitor = Visitor::for_url(&format!("http://{edge}"))?;
    let (count, visits) = watch::channel((0_u32, Vec::new()));
    let visiting = async {
        loop {
            let visited = visitor.visit_page("hello").await;
            count.send_modify(|(good, bad)| match &visited {
                Ok((status, page)) if *status == 200 && page.contains("hello") => *good += 1,
                other => bad.push(format!("{other:?}")),
            });
            tokio::task::yield_now().await;
        }
    };
    let killing = async {
        for role in Role::ALL.iter().copied().filter(|role| *role != Role::Edge) {
            hearth.kill(role).await?;
            wait_for_some_visits(&visits).await?;
            hearth.restart_role(role).await?;
            wait_for_some_visits(&visits).await?;
        }
        hearth.kill_runtime().await?;
        wait_for_some_visits(&visits).await?;
        hearth.start_missing_processes().await?;
        wait_for_some_visits(&visits).await
    };
    tokio::select! {
        () = visiting => {}
        killed = killing => killed?,
    }
    assert_eq!(visits.borrow().1, Vec::<String>::new());
    Ok(())
}

/// Waits until some more visits have been made.
async fn wait_for_some_visits(visits: &watch::Receiver<(u32, Vec<String>)>) -> Result<()> {
    let mut visits = visits.clone();
    let made = visits.borrow().0;
    let more_visits = visits.wait_for(|(good, bad)| *good >= made + 20 || !bad.is_empty());
    let waited = tokio::time::timeout(Duration::from_secs(30), more_visits).await;
    waited.map_err(Error::internal)?.map(drop).map_err(Error::internal)
}

/// Reads the start time of the tool's first process, in ticks since the host's start (`proc_pid_stat(5)`,
/// field 22).
async fn read_first_process_start(cli: &CliSession) -> Result<String> {
    let stat_output = wait_until("exec works", async || {
        Ok(cli.run_successfully(&["exec", "--tool", "hello", "--", "cat", "/proc/1/stat"]).await.ok())
    });
    let stat = stat_output.await?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let start = after_name.split_whitespace().nth(19);
    start.map(str::to_owned).ok_or_else(|| Error::internal(format!("process has no start time: {stat}")))
}

async fn start_deployment(client: &Client, tool: &ToolName, url: &str) -> Result<Deployment> {
    let source = Some(DeploySource::Git(GitSource { url: url.to_owned(), reference: None }));
    let create = DeploymentCreate { source, ..DeploymentCreate::default() };
    client.components().create_deployment(tool, &create, &DeploymentCreateQuery::default()).await
}

async fn wait_for_deployment(client: &Client, tool: &ToolName, started: &Deployment) -> Result<Deployment> {
    let query = DeploymentQuery { wait: Some(5), after: None };
    let limit = tokio::time::timeout(Duration::from_secs(100), async {
        loop {
            if let Ok(found) = client.components().show(tool, started.deploy_id, &query).await
                && found.status.has_ended()
            {
                return found;
            }
            tokio::task::yield_now().await;
        }
    });
    limit.await.map_err(Error::internal)
}
