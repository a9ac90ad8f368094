//! Two processes of one service on one database.

use std::time::Duration;

use hearth_base::{Error, Result, Role};
use hearth_testkit::{GitServer, Hearth, HearthShape};
use hearth_wire::builds::{
    BuildCreate, BuildCreateQuery,
    internal::{BuildClaim, BuildFinish, BuildLeaseOutcome},
};

/// A builder waits in one process while the build is requested in the other. Without a wake-up between
/// processes the builder would read the queue only after half a minute.
#[tokio::test]
async fn build_requested_in_one_process_is_claimed_in_another_at_once() -> Result<()> {
    let git = GitServer::start().await?;
    git.commit_files("hello", &[("Procfile", "web: ./serve\n")])?;
    let allow = format!("[outbound]\nallow = [\"{}\"]", git.address());
    let mut hearth = Hearth::start_with(HearthShape::SPLIT_ON_POSTGRES, &allow).await?;
    // Hearth's own builder would claim the build first.
    hearth.kill(Role::Builder).await?;
    let second = hearth.start_second(Role::Builds).await?;
    let builder = hearth.service_client(&second, Role::Builds, Role::Builder)?;
    let operator = hearth.operator().await?;
    let tool = operator.create_tool("hello").await?;
    for _ in 0..2 {
        let claim = BuildClaim { wait: 25, ..BuildClaim::default() };
        let builds = builder.builds();
        let claim = tokio::time::timeout(Duration::from_secs(20), builds.claim_build(&claim));
        let request = async {
            // The claim usually arrives first and waits while the source is resolved; in either order it gets
            // the build.
            let create =
                BuildCreate { source_url: Some(git.repository_url("hello")), ..BuildCreate::default() };
            operator.client.builds().start(&tool, &create, &BuildCreateQuery::default()).await
        };
        let (claimed, requested) = tokio::join!(claim, request);
        let lease = claimed.map_err(Error::internal)??.lease;
        let requested = requested?;
        let lease = lease.ok_or_else(|| Error::internal("nothing was claimed"))?;
        assert_eq!(lease.build, requested.name);
        let outcome = BuildLeaseOutcome::Failed { message: String::new() };
        builder
            .builds()
            .finish_build(lease.build, &BuildFinish { ticket: lease.ticket, outcome, failure: None })
            .await?;
    }
    hearth.stop().await
}
