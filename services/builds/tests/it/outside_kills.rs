//! Outside builders that are slow, refuse, repeat and report late, while the service is killed: each build ends, and none
//! is made twice.

use std::collections::BTreeSet;

use hearth_base::{BuildId, Result};
use hearth_kit::db::Db;
use hearth_testkit::{ReceiverReply, SeededRng, on_every_store, read_rounds, wait_until};
use hearth_wire::builds::{BuildCreate, BuildCreateQuery, internal::BuildLeaseOutcome};

use crate::outside_fixture::{
    BuildReporter, OutsideFixture, build_made_outcome, read_announcement, start_outside_fixture,
};

/// Steps of one round, each of which is an event of the builder, a person or the machine.
const STEPS_PER_ROUND: usize = 14;

/// The state of the world: what was started, and which builds have been made.
struct OutsideKillRun {
    fixture: OutsideFixture,
    rng: SeededRng,
    started: Vec<BuildId>,
    made: BTreeSet<BuildId>,
}

impl OutsideKillRun {
    async fn perform_step(&mut self) -> Result<()> {
        match self.rng.pick_number(0..100) {
            0..20 => self.start_build().await,
            20..28 => self.cancel_build().await,
            28..40 => {
                let status = *self.rng.pick_item(&["204 No Content", "500 Oh", "403 No"]).unwrap();
                self.fixture.receiver.set_reply(ReceiverReply { status, ..ReceiverReply::default() });
                Ok(())
            }
            40..75 => self.send_report().await,
            75..92 => {
                let seconds = i64::try_from(self.rng.pick_number(1..60)).unwrap();
                self.fixture.advance_clock(seconds);
                Ok(())
            }
            _ => self.kill_service().await,
        }
    }

    async fn start_build(&mut self) -> Result<()> {
        let base = &self.fixture.base;
        let create =
            BuildCreate { source_url: Some(base.git.repository_url("hello")), ..BuildCreate::default() };
        let query = BuildCreateQuery { queue: true, ..BuildCreateQuery::default() };
        self.started.push(base.maintainer.builds().start(&base.tool, &create, &query).await?.name);
        Ok(())
    }

    async fn cancel_build(&mut self) -> Result<()> {
        let Some(build) = self.rng.pick_item(&self.started).copied() else { return Ok(()) };
        // A build that has ended refuses it.
        let _cancelled = self.fixture.base.maintainer.builds().cancel(&self.fixture.base.tool, build).await;
        Ok(())
    }

    /// Kills the workers of the service at any point, and starts it again.
    async fn kill_service(&mut self) -> Result<()> {
        let stand = &mut self.fixture.base.stand;
        stand.kill_workers().await;
        stand.mount(hearth_builds::mount).await?;
        stand.start_workers();
        Ok(())
    }

    /// Reports with the credential of any announcement that ever arrived: of the current attempt, or too late.
    async fn send_report(&mut self) -> Result<()> {
        let requests = self.fixture.receiver.requests();
        let Some(request) = self.rng.pick_item(&requests) else { return Ok(()) };
        // A request of a killed worker may be incomplete.
        let Ok(announced) = read_announcement(request) else { return Ok(()) };
        let announced = self.fixture.adopt_build(announced)?;
        let end = match self.rng.pick_number(0..8) {
            0 => BuildLeaseOutcome::Failed { message: "The source is wrong.".to_owned() },
            1 => BuildLeaseOutcome::Retry { message: "The forge is full.".to_owned() },
            2 => return check_refusal(announced.heartbeat().await.map(drop)),
            _ => build_made_outcome(),
        };
        self.finish_build(&announced, end).await
    }

    async fn finish_build(&mut self, announced: &BuildReporter, end: BuildLeaseOutcome) -> Result<()> {
        let is_made = matches!(end, BuildLeaseOutcome::Succeeded { .. });
        match announced.report_outcome(end).await {
            Ok(()) if is_made => assert!(self.made.insert(announced.build.build), "a build was made twice"),
            result => check_refusal(result)?,
        }
        Ok(())
    }

    /// Ends all open builds with a builder that works.
    async fn finish_all(&mut self) -> Result<()> {
        self.fixture.receiver.set_reply(ReceiverReply::default());
        loop {
            let open = self.list_open_builds().await;
            if open.is_empty() {
                return Ok(());
            }
            let requests = self.fixture.receiver.requests();
            for request in requests.iter().rev() {
                let Ok(announced) = read_announcement(request) else { continue };
                let announced = self.fixture.adopt_build(announced)?;
                if open.contains(&announced.build.build) {
                    self.finish_build(&announced, build_made_outcome()).await?;
                }
            }
            // Builds that are still open wait for a new announcement.
            wait_until("an announcement, or the end of a build", async || {
                self.fixture.advance_clock(10);
                let has_ended = self.list_open_builds().await.len() < open.len();
                let is_announced = self.fixture.receiver.requests().len() > requests.len();
                Ok((has_ended || is_announced).then_some(()))
            })
            .await?;
        }
    }

    /// Lists the builds that have not ended. Old builds of the tool are deleted.
    async fn list_open_builds(&self) -> Vec<BuildId> {
        let mut open = Vec::new();
        for build in &self.started {
            if self.fixture.show_build(*build).await["end_time"] == "" {
                open.push(*build);
            }
        }
        open
    }
}

/// A report that is refused came too late, or from a former attempt.
fn check_refusal(result: Result<()>) -> Result<()> {
    if let Err(error) = result {
        assert!(["build-ended", "attempt-ended"].contains(&error.code()), "{error:?}");
    }
    Ok(())
}

async fn each_outside_build_ends_and_none_is_made_twice(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    fixture.fakes.lock_state().is_pushed = true;
    let rng = SeededRng::from_environment("kills of outside builds")?;
    let mut run = OutsideKillRun { fixture, rng, started: Vec::new(), made: BTreeSet::new() };
    for _ in 0..read_rounds()? {
        for _ in 0..STEPS_PER_ROUND {
            run.perform_step().await?;
        }
        run.finish_all().await?;
        run.started.clear();
    }
    assert!(!run.made.is_empty());
    Ok(())
}

on_every_store!(each_outside_build_ends_and_none_is_made_twice);
