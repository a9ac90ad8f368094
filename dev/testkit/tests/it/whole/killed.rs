//! Processes of Hearth that are killed, while tools serve.

use std::time::Duration;

use hearth_base::{Error, Result, Role, ToolName};
use hearth_client::Client;
use hearth_testkit::{GitServer, Hearth, Keyboard, Shape, until};
use hearth_wire::{
    builds::BuildStep,
    components::{
        DeploySource, Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentQuery, DeploymentState,
        GitSource,
    },
    reply::Paging,
};
use tokio::sync::watch;

use super::{Visitor, images::provide};

const PAGE: (&str, &str) = ("index.html", "<html>hello</html>");

#[tokio::test]
async fn tools_go_on_and_what_was_under_way_ends_well_when_all_of_hearth_is_killed() -> Result<()> {
    let git = GitServer::start().await?;
    let allow = format!("[outbound]\nallow = [\"{}\"]", git.place());
    let mut hearth = Hearth::start_with(Shape::UP, &allow).await?;
    provide(&hearth, &["builder", "python3.11"])?;
    let operator = hearth.operator().await?;
    let keyboard = operator.keyboard(&hearth).await?;
    git.commit("hello", &[PAGE])?;
    git.commit("slow", &[("requirements.txt", ""), ("Procfile", "web: python3 -m http.server $PORT"), PAGE])?;
    keyboard.done(&["deploy", &git.url("hello"), "--new", "hello"]).await?;
    let before = started(&keyboard).await?;

    keyboard.done(&["new", "slow"]).await?;
    let slow: ToolName = "slow".parse()?;
    let begun = deploy(&operator.client, &slow, &git.url("slow")).await?;
    until("its image to be made", async || {
        let build = operator.client.builds().latest(&slow).await.ok();
        Ok(build.filter(|build| build.step == BuildStep::Image).map(drop))
    })
    .await?;
    hearth.kill_all().await?;
    hearth.revive_all().await?;
    let visitor = Visitor::at(hearth.url())?;
    until("the page answers", async || Ok((visitor.visits("hello").await?.0 == 200).then_some(()))).await?;
    assert_eq!(started(&keyboard).await?, before, "the tool's first process is another one");

    let over = ended(&operator.client, &slow, &begun).await?;
    assert_eq!(over.status, DeploymentState::Successful, "{}", over.long_status);
    assert_eq!(visitor.visits("slow").await?.0, 200);
    let all = Paging::default();
    assert_eq!(operator.client.builds().list(&slow, &all).await?.builds.len(), 1);
    assert_eq!(operator.client.components().revisions(&slow, &all).await?.revisions.len(), 1);
    assert_eq!(operator.client.jobs().runs(&slow, &"web".parse()?, &all).await?.runs.len(), 1);
    hearth.stop().await
}

#[tokio::test]
async fn no_visitor_notices_when_any_other_role_is_killed() -> Result<()> {
    let git = GitServer::start().await?;
    let allow = format!("[outbound]\nallow = [\"{}\"]", git.place());
    let mut hearth = Hearth::start_with(Shape::SPLIT_WITH_CONTAINERS, &allow).await?;
    provide(&hearth, &["builder", "python3.11"])?;
    let operator = hearth.operator().await?;
    let keyboard = operator.keyboard(&hearth).await?;
    git.commit("hello", &[PAGE])?;
    keyboard.done(&["deploy", &git.url("hello"), "--new", "hello"]).await?;

    // Visitors come by the edge itself: the gateway is one of those that are killed.
    let edge = hearth.place(Role::Edge).unwrap();
    let visitor = Visitor::at(&format!("http://{edge}"))?;
    let (count, visits) = watch::channel((0_u32, Vec::new()));
    let visiting = async {
        loop {
            let visited = visitor.visits("hello").await;
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
            some(&visits).await?;
            hearth.revive(role).await?;
            some(&visits).await?;
        }
        hearth.kill_runtime().await?;
        some(&visits).await?;
        hearth.revive_all().await?;
        some(&visits).await
    };
    tokio::select! {
        () = visiting => {}
        killed = killing => killed?,
    }
    assert_eq!(visits.borrow().1, Vec::<String>::new());
    Ok(())
}

/// Waits until some more visits have been made.
async fn some(visits: &watch::Receiver<(u32, Vec<String>)>) -> Result<()> {
    let mut visits = visits.clone();
    let made = visits.borrow().0;
    let enough = visits.wait_for(|(good, bad)| *good >= made + 20 || !bad.is_empty());
    let waited = tokio::time::timeout(Duration::from_secs(30), enough).await;
    waited.map_err(Error::internal)?.map(drop).map_err(Error::internal)
}

/// When the tool's first process began, in ticks since the host did (`proc_pid_stat(5)`, field 22), and its id.
async fn started(keyboard: &Keyboard) -> Result<String> {
    let asked = until("a program in the container", async || {
        Ok(keyboard.done(&["exec", "--tool", "hello", "--", "cat", "/proc/1/stat"]).await.ok())
    });
    let stat = asked.await?;
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let start = behind_name.split_whitespace().nth(19);
    start.map(str::to_owned).ok_or_else(|| Error::internal(format!("no start time: {stat}")))
}

async fn deploy(client: &Client, tool: &ToolName, url: &str) -> Result<Deployment> {
    let source = Some(DeploySource::Git(GitSource { url: url.to_owned(), reference: None }));
    let create = DeploymentCreate { source, ..DeploymentCreate::default() };
    client.components().deploy(tool, &create, &DeploymentCreateQuery::default()).await
}

async fn ended(client: &Client, tool: &ToolName, begun: &Deployment) -> Result<Deployment> {
    let query = DeploymentQuery { wait: Some(5), after: None };
    let limit = tokio::time::timeout(Duration::from_secs(100), async {
        loop {
            if let Ok(found) = client.components().show(tool, begun.deploy_id, &query).await
                && found.status.is_over()
            {
                return found;
            }
            tokio::task::yield_now().await;
        }
    });
    limit.await.map_err(Error::internal)
}
