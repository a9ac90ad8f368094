//! Builders that die, fall silent and come back at random moments: each build ends, and none runs twice.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{BuildId, Error, Result};
use hearth_kit::db::Db;
use hearth_testkit::{SeededRng, on_every_store, read_rounds};
use hearth_wire::builds::internal::{BuildClaim, BuildLease, BuildLeaseOutcome};
use jiff::SignedDuration;

use crate::fixture::{BuildsFixture, FixtureTool, build_success_end, read_event_data, start_fixture};

/// Steps of one round, each of which is an event of a builder or a person.
const STEPS_PER_ROUND: usize = 12;
/// Longest time until another builder has the work of a dead one.
const TAKE_OVER_LIMIT: SignedDuration = SignedDuration::from_secs(60);

/// The state of the world: builders with their leases, and what the builds have shown.
struct KillRun<'a> {
    fixture: &'a BuildsFixture,
    rng: SeededRng,
    tools: Vec<FixtureTool>,
    builders: Vec<BuildClaim>,
    /// Leases that builders believe to hold, with the number of the builder.
    leases: Vec<(usize, BuildLease)>,
    started: BTreeMap<BuildId, usize>,
    /// Builds of former rounds.
    ended: BTreeSet<BuildId>,
    /// Builds whose success was accepted.
    made: BTreeSet<BuildId>,
}

impl KillRun<'_> {
    async fn perform_step(&mut self) -> Result<()> {
        match self.rng.pick_number(0..100) {
            0..15 => self.start_build().await,
            15..20 => self.cancel_build().await,
            20..55 => self.claim_lease().await,
            55..65 => {
                // A builder dies: its leases are forgotten, and a new process of it may claim later.
                let dead = self.pick_builder();
                self.leases.retain(|(holder, _)| *holder != dead);
                let place = self.builders[dead].builder.as_ref().unwrap().place.clone();
                self.fixture.stand.advance_clock(SignedDuration::from_secs(1));
                self.builders[dead] = self.fixture.create_builder(&place);
                Ok(())
            }
            65..85 => self.finish_lease().await,
            _ => {
                let seconds = i64::try_from(self.rng.pick_number(1..40)).unwrap();
                self.pass_time(seconds).await
            }
        }
    }

    fn pick_builder(&mut self) -> usize {
        usize::try_from(self.rng.pick_number(0..self.builders.len() as u64)).unwrap()
    }

    async fn start_build(&mut self) -> Result<()> {
        let index = usize::try_from(self.rng.pick_number(0..self.tools.len() as u64)).unwrap();
        let build = self.fixture.start_build_of(&self.tools[index]).await?;
        self.started.insert(build, index);
        Ok(())
    }

    async fn cancel_build(&mut self) -> Result<()> {
        let builds: Vec<BuildId> = self.started.keys().copied().collect();
        let Some(build) = self.rng.pick_item(&builds).copied() else { return Ok(()) };
        let tool = &self.tools[self.started[&build]];
        // A build that has ended refuses it.
        let _cancelled = tool.maintainer.builds().cancel(&tool.name, build).await;
        Ok(())
    }

    async fn claim_lease(&mut self) -> Result<()> {
        let index = self.pick_builder();
        let Some(lease) = self.fixture.claim_lease_with(&self.builders[index]).await? else { return Ok(()) };
        assert!(!self.made.contains(&lease.build) || lease.stop, "a build that succeeded is leased again");
        self.check_single_holder(&lease).await;
        self.leases.push((index, lease));
        Ok(())
    }

    /// A new lease ends every earlier one on the same tool.
    async fn check_single_holder(&self, lease: &BuildLease) {
        for (_, former) in self.leases.iter().filter(|(_, former)| former.tool == lease.tool) {
            let refused = self.fixture.heartbeat(former).await;
            assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("lease-lost"));
        }
    }

    async fn finish_lease(&mut self) -> Result<()> {
        if self.leases.is_empty() {
            return Ok(());
        }
        let index = usize::try_from(self.rng.pick_number(0..self.leases.len() as u64)).unwrap();
        let (_, lease) = self.leases.swap_remove(index);
        let end = match self.rng.pick_number(0..10) {
            _ if lease.stop => BuildLeaseOutcome::Stopped,
            0 => BuildLeaseOutcome::Retry { message: "The registry does not respond.".to_owned() },
            1 => BuildLeaseOutcome::Failed { message: "The source is wrong.".to_owned() },
            2 => BuildLeaseOutcome::Stopped,
            _ => build_success_end(),
        };
        let is_made = matches!(end, BuildLeaseOutcome::Succeeded { .. });
        match self.fixture.finish_lease(&lease, end).await {
            Ok(()) if is_made => assert!(self.made.insert(lease.build), "a build succeeded twice"),
            Ok(()) => {}
            Err(error) => assert_eq!(error.code(), "lease-lost"),
        }
        Ok(())
    }

    /// Lets time pass; some builders send heartbeats, others have fallen silent.
    async fn pass_time(&mut self, seconds: i64) -> Result<()> {
        self.fixture.stand.advance_clock(SignedDuration::from_secs(seconds));
        for (_, lease) in &self.leases {
            if self.rng.pick_bool(70) {
                let _kept = self.fixture.heartbeat(lease).await;
            }
        }
        Ok(())
    }

    /// Ends all open builds with builders that live on.
    async fn finish_all(&mut self) -> Result<()> {
        // All builders die; others have their work within a minute.
        self.leases.clear();
        self.builders = ["x", "y", "z"].map(|place| self.fixture.create_builder(place)).to_vec();
        self.fixture.stand.advance_clock(TAKE_OVER_LIMIT);
        for _ in 0..200 {
            let mut is_idle = true;
            for index in 0..self.builders.len() {
                while let Some(lease) = self.fixture.claim_lease_with(&self.builders[index]).await? {
                    is_idle = false;
                    self.leases.push((index, lease));
                    while !self.leases.is_empty() {
                        self.finish_lease().await?;
                    }
                }
            }
            if is_idle && self.list_open_builds().await?.is_empty() {
                return Ok(());
            }
            // Builds that are to be attempted again wait for some seconds.
            self.fixture.stand.advance_clock(SignedDuration::from_secs(30));
        }
        let open = self.list_open_builds().await?;
        Err(Error::internal(format!("builds did not end: {open:?}")))
    }

    async fn list_open_builds(&self) -> Result<Vec<BuildId>> {
        let mut open = Vec::new();
        for (build, tool) in &self.started {
            let tool = &self.tools[*tool];
            match tool.maintainer.builds().show(&tool.name, *build).await {
                Ok(shown) if shown.end_time.is_empty() => open.push(*build),
                // Old builds of a tool are deleted.
                _ => {}
            }
        }
        Ok(open)
    }
}

async fn each_build_ends_and_none_runs_twice_while_builders_die(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let names = ["one", "two", "three", "four"];
    let mut run = KillRun {
        tools: names.into_iter().map(|name| fixture.add_tool(name)).collect::<Result<_>>()?,
        builders: ["a", "b", "c"].map(|place| fixture.create_builder(place)).to_vec(),
        fixture: &fixture,
        rng: SeededRng::from_environment("kills of builders")?,
        leases: Vec::new(),
        started: BTreeMap::new(),
        ended: BTreeSet::new(),
        made: BTreeSet::new(),
    };
    for _ in 0..read_rounds()? {
        for _ in 0..STEPS_PER_ROUND {
            run.perform_step().await?;
        }
        run.finish_all().await?;
        run.ended.extend(std::mem::take(&mut run.started).into_keys());
    }
    let mut announced = Vec::new();
    for event in fixture.list_events().await? {
        announced.push(read_event_data(&event)?.build);
    }
    announced.sort_unstable();
    assert_eq!(announced, run.ended.into_iter().collect::<Vec<_>>(), "each build has one event");
    Ok(())
}

on_every_store!(each_build_ends_and_none_runs_twice_while_builders_die);
