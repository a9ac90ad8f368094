//! A fake of `jobs`: definitions and readiness of jobs.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, patch, post},
};
use hearth_base::{Entropy, EventId, Role};
use hearth_kit::Query;
use hearth_wire::{
    events::{Event, EventBatch, EventsQuery},
    jobs::{JobChanged, JobCreate, JobType, RunQuery},
    reply::Done,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    FakeComponentPeers, FakeServicesState, FakeState, build_not_found, build_refusal, reply_data,
    reply_named, restore,
    runs::{
        build_crashed_run, build_loopback_run, build_other_port_run, build_running_run, build_unready_run,
    },
};

/// The jobs by tool and name.
#[derive(Default)]
pub struct FakeJobs {
    pub all: BTreeMap<String, FakeJob>,
    /// The behavior of changed jobs of the tool `hello`.
    pub behavior: JobBehavior,
    /// The definitions of all updates that changed a job.
    pub changes: Vec<JobCreate>,
    pub restarts: usize,
    /// True if it ignores that a job is of a preview, as release 0.1.0 does.
    pub ignores_previews: bool,
    /// The behavior of single jobs of the tool `hello`, in place of `behavior`.
    pub job_behavior: BTreeMap<String, JobBehavior>,
    /// The exit status of one-off jobs; `None` while they run.
    pub one_off_exit: Option<i32>,
    /// True if runs of one-off jobs wait for their start.
    pub one_off_waits: bool,
    /// The names of the one-off jobs, once for each start.
    pub one_off_starts: Vec<String>,
    /// The number of runs of one-off jobs so far.
    one_off_runs: usize,
    events: i64,
}

/// The behavior of a job after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobBehavior {
    /// The new containers are ready at once.
    #[default]
    Ready,
    /// The new containers are never ready.
    NeverReady,
    /// The new containers listen on the loopback interface only.
    BoundToLoopback,
    /// The new containers listen on another port.
    BoundToOtherPort,
    /// The new containers end right after each start.
    Crashing,
    /// As before, but each counts as ready until it ends: it has no check.
    CrashingWhenReady,
}

/// A job.
pub struct FakeJob {
    pub spec: JobCreate,
    pub generation: u64,
    up_to_date: bool,
    ready: u32,
    runs: Vec<Value>,
    pub paused: Option<Timestamp>,
    pub asleep: Option<Timestamp>,
}

impl FakeJobs {
    /// Inserts a job that is ready.
    pub fn insert_ready(&mut self, spec: &JobCreate) {
        let job = FakeJob {
            spec: spec.clone(),
            generation: 1,
            up_to_date: true,
            ready: 1,
            runs: Vec::new(),
            paused: None,
            asleep: None,
        };
        self.all.insert(format_key("hello", spec), job);
    }

    /// Lets a job of the tool `hello` sleep.
    pub fn put_to_sleep(&mut self, name: &str, now: Timestamp) {
        if let Some(job) = self.all.get_mut(&format!("hello {name}")) {
            (job.ready, job.asleep) = (0, Some(now));
        }
    }

    /// Makes all jobs ready, now and after changes.
    pub fn make_all_ready(&mut self) {
        self.behavior = JobBehavior::Ready;
        self.events += 1;
        for job in self.all.values_mut() {
            (job.up_to_date, job.ready) = (true, 1);
        }
    }

    /// Finds a job of the tool `hello`.
    pub fn find_job(&self, name: &str) -> Option<&FakeJob> {
        self.all.get(&format!("hello {name}"))
    }

    /// Stops the runs of a job that are newer than `former_run`; runs are listed with the newest first.
    pub fn stop_newer_runs(&mut self, tool: &str, name: &str, former_run: Option<&str>) {
        let runs = self.all.get_mut(&format!("{tool} {name}")).into_iter().flat_map(|job| &mut job.runs);
        for run in runs.take_while(|run| run["id"].as_str() != former_run) {
            (run["state"], run["end"]) = (json!("ended"), json!("stopped"));
        }
    }

    /// Creates or changes a job. Returns true if it changed.
    pub fn update(&mut self, tool: &str, spec: JobCreate, now: Timestamp) -> bool {
        let own = self.job_behavior.get(spec.name.as_str()).copied();
        let behavior = if tool == "hello" { own.unwrap_or(self.behavior) } else { JobBehavior::Ready };
        let fresh = || FakeJob {
            spec: spec.clone(),
            generation: 0,
            up_to_date: true,
            ready: 0,
            runs: Vec::new(),
            paused: None,
            asleep: None,
        };
        let job = self.all.entry(format_key(tool, &spec)).or_insert_with(fresh);
        if job.generation > 0 && !differs(&job.spec, &spec) {
            return false;
        }
        self.changes.push(spec.clone());
        self.events += 1;
        (job.spec, job.generation, job.up_to_date) = (
            spec,
            job.generation + 1,
            matches!(behavior, JobBehavior::Ready | JobBehavior::CrashingWhenReady),
        );
        match behavior {
            JobBehavior::Ready => job.ready = 1,
            JobBehavior::NeverReady => job.runs.push(build_unready_run(&job.spec, now)),
            JobBehavior::BoundToLoopback => job.runs.push(build_loopback_run(&job.spec, now)),
            JobBehavior::BoundToOtherPort => job.runs.push(build_other_port_run(&job.spec, now)),
            JobBehavior::CrashingWhenReady => {
                job.ready = 1;
                job.runs.push(build_running_run(&job.spec, now));
                job.runs.extend((0..3).map(|_| build_crashed_run(&job.spec, now)));
            }
            JobBehavior::Crashing => job.runs.extend((0..3).map(|_| build_crashed_run(&job.spec, now))),
        }
        true
    }
}

impl FakeJobs {
    /// True if another job is the same page: of the tool, or of its environment.
    fn has_other_page(&self, tool: &str, spec: &JobCreate) -> bool {
        let mut of_tool = self.all.iter().filter(|(key, _)| key.starts_with(&format!("{tool} ")));
        let environment = spec.name.find_environment();
        of_tool.any(|(_, job)| {
            let is_same_page = job.spec.name.find_environment() == environment;
            job.spec.publish == Some(true) && job.spec.name != spec.name && is_same_page
        })
    }

    /// Starts a one-off job; returns its run.
    fn start_one_off(&mut self, tool: &str, spec: JobCreate, now: Timestamp) -> String {
        self.one_off_starts.push(spec.name.to_string());
        self.one_off_runs += 1;
        let run = format!("run{}", self.one_off_runs);
        let started = json!({"id": run, "job": spec.name, "cause": "create", "attempt": 1, "state": "running",
            "created": now, "started": Some(now).filter(|_| !self.one_off_waits), "cpu_micros": 0, "peak_memory": 0,
            "ready": false});
        let key = format_key(tool, &spec);
        let mut runs = self.all.remove(&key).map(|job| job.runs).unwrap_or_default();
        runs.insert(0, started);
        let job =
            FakeJob { spec, generation: 1, up_to_date: true, ready: 0, runs, paused: None, asleep: None };
        self.all.insert(key, job);
        run
    }

    /// Renders the runs of a job; those of one-off jobs end once their exit status is set.
    fn render_runs(&self, tool: &str, name: &str) -> Option<Vec<Value>> {
        let job = self.all.get(&format!("{tool} {name}"))?;
        let mut runs = job.runs.clone();
        if let (JobType::OneOff, Some(status)) = (job.spec.effective_type(), self.one_off_exit) {
            for run in runs.iter_mut().filter(|run| run["state"] == "running") {
                (run["state"], run["end"], run["exit_code"]) =
                    (json!("ended"), json!("exited"), json!(status));
                run["ended"] = run["started"].clone();
                run["reason"] = json!(format!("it ended with status {status}"));
            }
        }
        Some(runs)
    }
}

fn format_key(tool: &str, spec: &JobCreate) -> String {
    format!("{tool} {}", spec.name)
}

/// True if a field that the new definition sets differs from the old one.
fn differs(old: &JobCreate, new: &JobCreate) -> bool {
    let (kind, old, mut new) = (old.effective_type() != new.effective_type(), json!(old), json!(new));
    for sort in ["job_type", "continuous"] {
        new.as_object_mut().map(|new| new.remove(sort));
    }
    kind || new.as_object().into_iter().flatten().any(|(field, value)| old.get(field) != Some(value))
}

pub fn build_router() -> Router<std::sync::Arc<FakeComponentPeers>> {
    Router::new()
        .route("/jobs/v1/tool/{tool}/jobs", patch(update).get(list).post(create))
        .route("/jobs/v1/tool/{tool}/jobs/{job}", get(show).delete(delete))
        .route("/jobs/v1/tool/{tool}/jobs/{job}/restart", post(restart))
        .route("/jobs/v1/tool/{tool}/jobs/{job}/runs", get(list_runs))
        .route("/jobs/v1/tool/{tool}/jobs/{job}/runs/{run}", get(show_run))
        .route("/jobs/v1/internal/tools/{tool}/jobs/{job}/restore", post(restore::restore_job))
        .route("/jobs/v1/tool/{tool}/jobs/{job}/logs", get(stream_logs))
        .route("/jobs/v1/internal/tools/{tool}/definitions", get(list_definitions))
        .route("/jobs/v1/internal/events/routes", get(list_route_events))
}

async fn update(
    State(all): FakeServicesState,
    Path(tool): Path<String>,
    Json(mut spec): Json<JobCreate>,
) -> Response {
    let now = all.now();
    let ignores_previews = all.lock_state().jobs.ignores_previews;
    spec.preview = spec.preview.filter(|_| !ignores_previews);
    if !ignores_previews && spec.preview.is_some() != spec.name.find_preview().is_some() {
        return build_refusal(
            StatusCode::BAD_REQUEST,
            "preview",
            "the name and the preview do not belong together",
        );
    }
    if spec.publish == Some(true) && all.lock_state().jobs.has_other_page(&tool, &spec) {
        return build_refusal(StatusCode::CONFLICT, "page-taken", "the tool has another page");
    }
    reply_named(JobChanged { job_changed: all.change_state(|state| state.jobs.update(&tool, spec, now)) })
}

async fn create(
    State(all): FakeServicesState,
    Path(tool): Path<String>,
    Json(spec): Json<JobCreate>,
) -> Response {
    let now = all.now();
    let name = spec.name.clone();
    let run = all.change_state(|state| state.jobs.start_one_off(&tool, spec, now));
    let state = all.lock_state();
    let Some(job) = state.jobs.all.get(&format!("{tool} {name}")) else {
        return build_not_found("job", name.as_str());
    };
    let mut shown = render_job(job, state.jobs.one_off_exit);
    shown["status"]["run"] = json!(run);
    Json(json!({"job": shown, "messages": {}})).into_response()
}

async fn show_run(
    State(all): FakeServicesState,
    Path((tool, name, run)): Path<(String, String, String)>,
    Query(query): Query<RunQuery>,
) -> Response {
    let find = |state: &FakeState| {
        let runs = state.jobs.render_runs(&tool, &name)?;
        runs.into_iter().find(|found| found["id"] == run.as_str())
    };
    // A run that is never started is answered at once, so that its deadline is noticed.
    let waits = !all.lock_state().jobs.one_off_waits;
    let wait = query.wait.filter(|_| waits).map_or(0, |wait| wait.as_seconds());
    let has_ended = |state: &FakeState| find(state).filter(|found| found["state"] == "ended");
    let ended = all.wait(wait.into(), has_ended).await;
    match ended.or_else(|| find(&all.lock_state())) {
        Some(run) => Json(json!({"run": run, "messages": {}})).into_response(),
        None => build_not_found("run", &run),
    }
}

async fn list(State(all): FakeServicesState, Path(tool): Path<String>) -> Response {
    let state = all.lock_state();
    let of_tool = state.jobs.all.iter().filter(|(key, _)| key.starts_with(&format!("{tool} ")));
    let jobs: Vec<Value> = of_tool.map(|(_, job)| render_job(job, state.jobs.one_off_exit)).collect();
    Json(json!({"jobs": jobs, "messages": {}})).into_response()
}

/// Lists the definitions of the jobs of the tool `hello`.
async fn list_definitions(State(all): FakeServicesState) -> Response {
    let state = all.lock_state();
    let of_tool = state.jobs.all.iter().filter(|(key, _)| key.starts_with("hello "));
    let definitions: Vec<JobCreate> = of_tool.map(|(_, job)| job.spec.clone()).collect();
    Json(json!({"definitions": definitions, "messages": {}})).into_response()
}

async fn show(State(all): FakeServicesState, Path((tool, name)): Path<(String, String)>) -> Response {
    let state = all.lock_state();
    match state.jobs.all.get(&format!("{tool} {name}")) {
        Some(job) => {
            Json(json!({"job": render_job(job, state.jobs.one_off_exit), "messages": {}})).into_response()
        }
        None => build_not_found("job", &name),
    }
}

fn render_job(job: &FakeJob, one_off_exit: Option<i32>) -> Value {
    let short = match (job.spec.effective_type(), one_off_exit) {
        (JobType::OneOff, Some(0)) => "succeeded",
        (JobType::OneOff, Some(_)) => "failed",
        _ => "running",
    };
    let mut shown = json!(job.spec);
    shown["job_type"] = json!(job.spec.effective_type());
    for (field, value) in [
        ("image", json!(job.spec.imagename)),
        ("image_state", json!("stable")),
        ("status_short", json!("Running")),
        ("status_long", json!("Running")),
        (
            "status",
            json!({"short": short, "messages": [], "duration": "1s", "up_to_date": job.up_to_date,
                "ready": job.ready, "generation": job.generation, "paused": job.paused,
                "asleep": job.asleep}),
        ),
    ] {
        shown[field] = value;
    }
    shown
}

async fn delete(State(all): FakeServicesState, Path((tool, name)): Path<(String, String)>) -> Response {
    let removed = all.change_state(|state| state.jobs.all.remove(&format!("{tool} {name}")));
    removed.map_or_else(|| build_not_found("job", &name), |_| reply_named(Done {}))
}

async fn restart(State(all): FakeServicesState, Path((tool, name)): Path<(String, String)>) -> Response {
    let restarted = all.change_state(|FakeState { jobs, .. }| {
        jobs.restarts += 1;
        jobs.events += 1;
        jobs.all.get_mut(&format!("{tool} {name}")).map(|job| job.generation += 1)
    });
    restarted.map_or_else(|| build_not_found("job", &name), |()| reply_named(Done {}))
}

async fn list_runs(State(all): FakeServicesState, Path((tool, name)): Path<(String, String)>) -> Response {
    let state = all.lock_state();
    let runs = state.jobs.render_runs(&tool, &name);
    runs.map_or_else(|| build_not_found("job", &name), |runs| Json(json!({"runs": runs})).into_response())
}

async fn stream_logs(State(all): FakeServicesState, Path((_, name)): Path<(String, String)>) -> Response {
    let build_line = |run: &str, message: &str| {
        json!({"pod": "a", "container": name, "datetime": all.now(), "message": message, "stream": "err", "run": run,
            "cursor": "1"})
    };
    let earlier = build_line("earlier", "a line of the earlier program");
    let own = build_line("run", "no such table: users");
    let late = build_line("earlier", "the earlier program still writes");
    format!("{earlier}\n{own}\n{late}\n").into_response()
}

async fn list_route_events(State(all): FakeServicesState, Query(query): Query<EventsQuery>) -> Response {
    let after = query.after.unwrap_or_default();
    let newer = |state: &FakeState| Some(state.jobs.events).filter(|events| *events > after);
    let changed = all.wait(query.wait.unwrap_or(0), newer).await;
    let event = |position| Event {
        position,
        id: EventId::new(all.now(), &Entropy::System),
        service: Role::Jobs,
        event_type: "route.changed".to_owned(),
        tool: None,
        time: all.now(),
        data: Value::Null,
        notice: None,
    };
    reply_data(EventBatch {
        events: changed.map(event).into_iter().collect(),
        next: all.lock_state().jobs.events,
    })
}
