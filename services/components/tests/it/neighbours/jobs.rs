//! `jobs`: what is to run, and whether it answers.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, patch, post},
};
use hearth_base::{Entropy, EventId, Role};
use hearth_kit::Query;
use hearth_wire::{
    events::{After, Event, EventBatch},
    jobs::{JobChanged, JobCreate},
    reply::Done,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Ears, Known, Neighbours, data, missing, named};

/// Jobs by tool and name.
#[derive(Default)]
pub struct Jobs {
    pub all: BTreeMap<String, Job>,
    /// How it is with the tool `hello`.
    pub mood: Mood,
    /// What was asked for and changed something: each job as it was then to be.
    pub changes: Vec<JobCreate>,
    pub restarts: usize,
    events: i64,
}

/// What becomes of a job that is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// What is new answers at once.
    #[default]
    Answers,
    /// What is new never answers.
    Silent,
    /// What is new ends right after its start, again and again.
    Crashes,
}

/// A job.
pub struct Job {
    pub spec: JobCreate,
    pub generation: u64,
    up_to_date: bool,
    ready: u32,
    runs: Vec<Value>,
    pub paused: Option<Timestamp>,
}

impl Jobs {
    /// A job that somebody made by hand, and that answers.
    pub fn made(&mut self, spec: &JobCreate) {
        let job = Job {
            spec: spec.clone(),
            generation: 1,
            up_to_date: true,
            ready: 1,
            runs: Vec::new(),
            paused: None,
        };
        self.all.insert(key("hello", spec), job);
    }

    /// Everything answers, from now on.
    pub fn answer(&mut self) {
        self.mood = Mood::Answers;
        self.events += 1;
        for job in self.all.values_mut() {
            (job.up_to_date, job.ready) = (true, 1);
        }
    }

    /// The job of this name of the tool `hello`.
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.all.get(&format!("hello {name}"))
    }

    fn update(&mut self, tool: &str, spec: JobCreate, now: Timestamp) -> bool {
        let mood = if tool == "hello" { self.mood } else { Mood::Answers };
        let fresh = || Job {
            spec: spec.clone(),
            generation: 0,
            up_to_date: true,
            ready: 0,
            runs: Vec::new(),
            paused: None,
        };
        let job = self.all.entry(key(tool, &spec)).or_insert_with(fresh);
        if job.generation > 0 && !differs(&job.spec, &spec) {
            return false;
        }
        self.changes.push(spec.clone());
        self.events += 1;
        (job.spec, job.generation, job.up_to_date) = (spec, job.generation + 1, mood == Mood::Answers);
        match mood {
            Mood::Answers => job.ready = 1,
            Mood::Silent => {}
            Mood::Crashes => job.runs.extend((0..3).map(|_| crash(&job.spec, now))),
        }
        true
    }
}

fn key(tool: &str, spec: &JobCreate) -> String {
    format!("{tool} {}", spec.name)
}

/// Only what the new one sets counts.
fn differs(old: &JobCreate, new: &JobCreate) -> bool {
    let (kind, old, mut new) = (old.kind() != new.kind(), json!(old), json!(new));
    for sort in ["job_type", "continuous"] {
        new.as_object_mut().map(|new| new.remove(sort));
    }
    kind || new.as_object().into_iter().flatten().any(|(field, value)| old.get(field) != Some(value))
}

/// A run that ended right after its start.
fn crash(spec: &JobCreate, now: Timestamp) -> Value {
    json!({"id": "run", "job": spec.name, "cause": "keep", "attempt": 1, "state": "ended", "created": now,
        "ended": now, "end": "exited", "exit_code": 7, "reason": "it ended with status 7: no such table",
        "cpu_micros": 0, "peak_memory": 0, "ready": false})
}

pub fn router() -> Router<std::sync::Arc<Neighbours>> {
    Router::new()
        .route("/jobs/v1/tool/{tool}/jobs", patch(update))
        .route("/jobs/v1/tool/{tool}/jobs/{job}", get(show).delete(delete))
        .route("/jobs/v1/tool/{tool}/jobs/{job}/restart", post(restart))
        .route("/jobs/v1/tool/{tool}/jobs/{job}/runs", get(runs))
        .route("/jobs/v1/tool/{tool}/jobs/{job}/logs", get(logs))
        .route("/jobs/v1/internal/events/routes", get(route_events))
}

async fn update(State(all): Ears, Path(tool): Path<String>, Json(spec): Json<JobCreate>) -> Response {
    let now = all.now();
    named(JobChanged { job_changed: all.change(|known| known.jobs.update(&tool, spec, now)) })
}

async fn show(State(all): Ears, Path((tool, name)): Path<(String, String)>) -> Response {
    let known = all.known();
    let Some(job) = known.jobs.all.get(&format!("{tool} {name}")) else { return missing("job", &name) };
    let mut shown = json!(job.spec);
    shown["job_type"] = json!(job.spec.kind());
    for (field, value) in [
        ("image", json!(job.spec.imagename)),
        ("image_state", json!("stable")),
        ("status_short", json!("Running")),
        ("status_long", json!("Running")),
        (
            "status",
            json!({"short": "running", "messages": [], "duration": "1s", "up_to_date": job.up_to_date,
                "ready": job.ready, "generation": job.generation, "paused": job.paused}),
        ),
    ] {
        shown[field] = value;
    }
    Json(json!({"job": shown, "messages": {}})).into_response()
}

async fn delete(State(all): Ears, Path((tool, name)): Path<(String, String)>) -> Response {
    let removed = all.change(|known| known.jobs.all.remove(&format!("{tool} {name}")));
    removed.map_or_else(|| missing("job", &name), |_| named(Done {}))
}

async fn restart(State(all): Ears, Path((tool, name)): Path<(String, String)>) -> Response {
    let restarted = all.change(|Known { jobs, .. }| {
        jobs.restarts += 1;
        jobs.events += 1;
        jobs.all.get_mut(&format!("{tool} {name}")).map(|job| job.generation += 1)
    });
    restarted.map_or_else(|| missing("job", &name), |()| named(Done {}))
}

async fn runs(State(all): Ears, Path((tool, name)): Path<(String, String)>) -> Response {
    let known = all.known();
    let runs = known.jobs.all.get(&format!("{tool} {name}")).map(|job| job.runs.clone());
    runs.map_or_else(|| missing("job", &name), |runs| Json(json!({"runs": runs})).into_response())
}

async fn logs(State(all): Ears, Path((_, name)): Path<(String, String)>) -> Response {
    let line = json!({"pod": "a", "container": name, "datetime": all.now(), "message": "no such table: users",
        "stream": "err", "run": "run", "cursor": "1"});
    format!("{line}\n").into_response()
}

async fn route_events(State(all): Ears, Query(asked): Query<After>) -> Response {
    let after = asked.after.unwrap_or_default();
    let newer = |known: &Known| Some(known.jobs.events).filter(|events| *events > after);
    let news = all.wait(asked.wait.unwrap_or(0), newer).await;
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
    data(EventBatch { events: news.map(event).into_iter().collect(), next: all.known().jobs.events })
}
