//! Two processes of one service on one database.

use std::time::Duration;

use hearth_base::{Error, Result, Role};
use hearth_testkit::{GitServer, Hearth, Shape};
use hearth_wire::{
    builds::{
        BuildCreate, BuildCreateQuery,
        internal::{Claim, Finish, LeaseEnd},
    },
    tools::ToolCreate,
};

/// The build is asked for in one process while a builder waits in the other, which would look by itself only after half
/// a minute.
#[tokio::test]
async fn build_asked_for_in_one_process_is_claimed_in_the_other_at_once() -> Result<()> {
    let git = GitServer::start().await?;
    git.commit("hello", &[("Procfile", "web: ./serve\n")])?;
    let allow = format!("[outbound]\nallow = [\"{}\"]", git.place());
    let mut hearth = Hearth::start_with(Shape::SPLIT_ON_POSTGRES, &allow).await?;
    // The builder of this Hearth would be quicker.
    hearth.kill(Role::Builder).await?;
    let second = hearth.start_second(Role::Builds).await?;
    let builder = hearth.service(&second, Role::Builds, Role::Builder)?;
    let operator = hearth.operator().await?;
    let tool = ToolCreate { name: "hello".parse()?, description: String::new() };
    let tool = operator.client.tools().create(&tool).await?.name;
    for _ in 0..2 {
        let claim = Claim { wait: 25, builder: None };
        let builds = builder.builds();
        let claim = tokio::time::timeout(Duration::from_secs(20), builds.claim(&claim));
        let ask = async {
            // The claim is sent first and waits while the repository is looked at, most likely; it is answered in any case.
            let create = BuildCreate { source_url: Some(git.url("hello")), ..BuildCreate::default() };
            operator.client.builds().start(&tool, &create, &BuildCreateQuery::default()).await
        };
        let (claimed, asked) = tokio::join!(claim, ask);
        let lease = claimed.map_err(Error::internal)??.lease;
        let asked = asked?;
        let lease = lease.ok_or_else(|| Error::internal("nothing was claimed"))?;
        assert_eq!(lease.build, asked.name);
        let end = LeaseEnd::Failed { message: String::new() };
        builder.builds().finish(lease.build, &Finish { ticket: lease.ticket, end }).await?;
    }
    hearth.stop().await
}
