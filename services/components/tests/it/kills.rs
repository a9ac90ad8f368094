//! Whole deployments while the service is killed, calls are lost and people cancel: each ends, nothing is half switched,
//! and nothing runs twice.

use std::collections::BTreeMap;

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{SeededRng, on_every_store, read_rounds};
use hearth_wire::{
    components::{Deployment, DeploymentCreate, DeploymentId, DeploymentState},
    jobs::JobType,
};

use crate::{
    fake_services::{CallOutcome, JobBehavior},
    fixture::{ComponentsFixture, build_git_deployment, read_event_data, start_components},
};

/// The components that a configuration may have beside `web`.
const OPTIONAL_COMPONENTS: [(&str, &str); 5] = [
    ("worker", "{reuse_from: web, command: ./work RELEASE}"),
    ("tick", "{reuse_from: web, command: ./tick RELEASE, schedule: '@daily'}"),
    ("files", "{image: web-only, command: ./files RELEASE, port: 8080}"),
    ("migrate", "{reuse_from: web, command: ./migrate RELEASE, run: before}"),
    ("notify", "{reuse_from: web, command: ./notify RELEASE, run: after}"),
];
/// The largest number of calls before the service is killed; a deployment makes about 60.
const MAX_CALLS_BEFORE_KILL: u64 = 70;

/// The command of each job that is not one-off.
type JobCommands = BTreeMap<String, String>;

fn list_commands(fixture: &ComponentsFixture) -> JobCommands {
    let state = fixture.services.lock_state();
    let all = state.jobs.all.iter().filter(|(_, job)| job.spec.effective_type() != JobType::OneOff);
    all.map(|(key, job)| (key.clone(), job.spec.cmd.clone())).collect()
}

struct KillRun {
    fixture: ComponentsFixture,
    rng: SeededRng,
    newest_revision: u32,
}

impl KillRun {
    async fn run_round(&mut self, round: u32) -> Result<()> {
        let (create, wanted) = self.pick_deployment(round).await?;
        let before = list_commands(&self.fixture);
        let one_off_exit = if self.rng.pick_bool(80) { 0 } else { 1 };
        let worker = if self.rng.pick_bool(85) { JobBehavior::Ready } else { JobBehavior::Crashing };
        let (builds, starts) = self.fixture.services.change_state(|state| {
            state.jobs.one_off_exit = Some(one_off_exit);
            state.jobs.job_behavior.insert("worker".to_owned(), worker);
            (state.builds.all.len(), std::mem::take(&mut state.jobs.one_off_starts))
        });
        drop(starts);
        let id = self.fixture.deploy_queued(&create).await?.deploy_id;
        self.disturb(id).await?;
        let done = self.fixture.wait_for_end_advancing_time(id).await?;
        self.check_outcome(&done, &before, &wanted);
        self.check_event(&done).await?;
        let state = self.fixture.services.lock_state();
        assert!(state.builds.all.len() <= builds + 1, "a source was built twice: {done:?}");
        let mut started = state.jobs.one_off_starts.clone();
        started.sort();
        let count = started.len();
        started.dedup();
        assert_eq!(started.len(), count, "a one-off component ran twice: {done:?}");
        Ok(())
    }

    /// Picks a configuration, or the revision before the newest. Returns the expected commands of a success.
    async fn pick_deployment(&mut self, round: u32) -> Result<(DeploymentCreate, JobCommands)> {
        let number = self.newest_revision.saturating_sub(1);
        if number > 0 && self.rng.pick_bool(20) {
            let revision = self.fixture.viewer.components().show_revision(&self.fixture.tool, number).await?;
            let main = revision.components.iter().filter(|(_, component)| component.phase.is_main());
            let wanted = main.map(|(name, component)| (format!("hello {name}"), component.job.cmd.clone()));
            let create = DeploymentCreate { revision: Some(number), ..DeploymentCreate::default() };
            return Ok((create, wanted.collect()));
        }
        let mut config = format!(
            "config_version: hearth/v1\ncomponents:\n  web: {{publish: true, command: ./serve {round}}}\n"
        );
        let mut wanted = JobCommands::from([("hello web".to_owned(), format!("./serve {round}"))]);
        for (name, component) in OPTIONAL_COMPONENTS {
            if self.rng.pick_bool(60) {
                let component = component.replace("RELEASE", &round.to_string());
                config.push_str(&format!("  {name}: {component}\n"));
                if !component.contains("run:") {
                    let command =
                        component.split("command: ").nth(1).and_then(|rest| rest.split([',', '}']).next());
                    wanted.insert(format!("hello {name}"), command.unwrap_or_default().to_owned());
                }
            }
        }
        Ok((DeploymentCreate { config: Some(config), ..build_git_deployment() }, wanted))
    }

    /// Kills the service at up to three calls, and cancels some deployments meanwhile.
    async fn disturb(&mut self, id: DeploymentId) -> Result<()> {
        for _ in 0..self.rng.pick_number(0..4) {
            let calls = usize::try_from(self.rng.pick_number(0..MAX_CALLS_BEFORE_KILL)).unwrap();
            let outcome = match self.rng.pick_number(0..2) {
                0 => CallOutcome::CallerGoneBeforeCall,
                _ => CallOutcome::CallerGoneAfterCall,
            };
            self.fixture.services.end_caller_after(calls, outcome);
            let has_ended = tokio::select! {
                () = self.fixture.services.caller_gone.notified() => false,
                done = self.fixture.wait_for_end_advancing_time(id) => done?.status.has_ended(),
            };
            self.fixture.kill_service().await;
            self.fixture.services.clear_script();
            if !has_ended && self.rng.pick_bool(25) {
                // A deployment that has ended meanwhile refuses it.
                let _cancelled = self.fixture.maintainer.components().cancel(&self.fixture.tool, id).await;
            }
            self.fixture.restart_service().await?;
            if has_ended {
                break;
            }
        }
        Ok(())
    }

    /// The deployment has one event, which is of its outcome.
    async fn check_event(&self, done: &Deployment) -> Result<()> {
        let mut own = Vec::new();
        for event in self.fixture.list_events().await? {
            let data = read_event_data(&event)?;
            if data.deployment == done.deploy_id {
                own.push((data.state, data.revision));
            }
        }
        assert_eq!(own, [(done.status, done.revision)], "{done:?}");
        Ok(())
    }

    /// Everything is new, or everything is as before.
    fn check_outcome(&mut self, done: &Deployment, before: &JobCommands, wanted: &JobCommands) {
        let commands = list_commands(&self.fixture);
        if done.status == DeploymentState::Successful {
            assert_eq!(&commands, wanted, "{done:?}");
            self.newest_revision = done.revision.unwrap();
        } else {
            assert_eq!(&commands, before, "{done:?}");
        }
    }
}

async fn each_deployment_ends_and_nothing_is_half_switched(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let mut run =
        KillRun { fixture, rng: SeededRng::from_environment("kills of deployments")?, newest_revision: 0 };
    for round in 0..read_rounds()? {
        run.run_round(round).await?;
    }
    let kept = run.fixture.services.lock_state().accounts.count_open_mandates();
    assert!(kept <= 1, "{kept} mandates are open");
    Ok(())
}

on_every_store!(each_deployment_ends_and_nothing_is_half_switched);
