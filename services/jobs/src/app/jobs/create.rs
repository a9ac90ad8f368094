//! Making jobs, and making them as somebody says they should be.

use hearth_base::{Error, JobName, Result};
use hearth_kit::db::Tx;
use hearth_wire::{jobs::JobType, tools::Quota};

use super::{
    delete,
    pin::{holder, pin},
};
use crate::{
    app::{
        definition::{
            Of, define, no_such_job, plan,
            spec::{Defaults, STARTING_DEADLINE},
        },
        quota::Use,
        routing,
        scheduling::{due, schedule},
        workloads::launch::{self, Start},
    },
    cx::Cx,
    store::{Cause, Image, Job, JobId, JobSpec, Kind, Plan, Schedule, job_exists},
};

/// A job that has been checked: its image is found and pinned.
struct Draft {
    spec: JobSpec,
    image: Image,
    plan: Plan,
    schedule: Option<String>,
    quota: Quota,
}

/// Makes a job. One of that name that is over is replaced.
pub async fn create(cx: &Cx, of: Of<'_>, spec: JobSpec) -> Result<Job> {
    let existing = cx.store.job(of.tool, &spec.name).await?;
    if let Some(job) = &existing
        && !is_over(cx, job).await?
    {
        return Err(job_exists(&job.name));
    }
    let draft = draft(cx, of, spec, 0).await?;
    let id: JobId = cx.id();
    pin(cx, of, id, &draft.image).await?;
    let made = make(cx, of, id, &draft).await;
    if made.is_err() {
        // Nobody relies on it; if this does not get through, the tool's end does.
        let _ = cx.neighbours.unpin(&holder(id, &draft.image)).await;
    }
    made
}

/// Makes a job as `spec` says, whatever it was. Whether that changed anything.
pub async fn update(cx: &Cx, of: Of<'_>, spec: JobSpec) -> Result<bool> {
    let Some(job) = cx.store.job(of.tool, &spec.name).await? else {
        return create(cx, of, spec).await.map(|_| true);
    };
    if job.spec.fulfils(&spec, Defaults::of(&job, of.name, &cx.settings)) {
        return Ok(false);
    }
    let same_sort = job.job_type() == spec.job_type && !matches!(job.kind, Kind::OneOff);
    let draft = draft(cx, of, spec, job.restart).await?;
    if same_sort {
        change(cx, of, job, draft).await?;
    } else {
        let id: JobId = cx.id();
        pin(cx, of, id, &draft.image).await?;
        let tx = cx.store.begin().await?;
        cx.store.tool_enter(&tx, of.tool, of.name, Some(&draft.quota)).await?;
        if let Some(old) = cx.store.job_in(&tx, of.tool, &draft.spec.name).await? {
            delete::remove(cx, &tx, &old).await?;
        }
        add(cx, &tx, of, id, &draft).await?;
        end(cx, tx, of).await?;
    }
    Ok(true)
}

/// Has so many of a continuous job run side by side. Whether that changed anything.
pub async fn scale(cx: &Cx, of: Of<'_>, name: &JobName, replicas: u16) -> Result<bool> {
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    update(cx, of, JobSpec { replicas: Some(replicas), ..job.spec }).await
}

/// Whether a job has done all that it was to do.
async fn is_over(cx: &Cx, job: &Job) -> Result<bool> {
    let (Kind::OneOff, Some(last)) = (&job.kind, &job.last_run) else { return Ok(false) };
    Ok(cx.store.run(last).await?.is_none_or(|run| run.is_over()))
}

async fn draft(cx: &Cx, of: Of<'_>, spec: JobSpec, restart: u64) -> Result<Draft> {
    let quota = cx.neighbours.quota(of.tool).await?;
    define::check(&spec, &quota, &cx.settings)?;
    let zone = schedule::zone(spec.timezone.as_deref())?;
    let actual =
        spec.schedule.as_deref().map(|text| schedule::actual(text, of.tool, &spec.name)).transpose()?;
    if let Some(actual) = &actual {
        let deadline = spec.starting_deadline.unwrap_or(STARTING_DEADLINE);
        schedule::check_deadline(actual, &zone, deadline, cx.now())?;
    }
    let image = cx.neighbours.image(of.tool, &spec.imagename).await?;
    let plan = plan::plan(&spec, of.name, &image, restart, &cx.settings)?;
    Ok(Draft { spec, image, plan, schedule: actual, quota })
}

async fn make(cx: &Cx, of: Of<'_>, id: JobId, draft: &Draft) -> Result<Job> {
    let tx = cx.store.begin().await?;
    cx.store.tool_enter(&tx, of.tool, of.name, Some(&draft.quota)).await?;
    if let Some(old) = cx.store.job_in(&tx, of.tool, &draft.spec.name).await? {
        // Looked at again under the lock: another may have made it meanwhile.
        if !matches!(old.kind, Kind::OneOff) || cx.store.job_runs_in(&tx, old.id).await? {
            return Err(job_exists(&old.name));
        }
        delete::remove(cx, &tx, &old).await?;
    }
    let job = add(cx, &tx, of, id, draft).await?;
    end(cx, tx, of).await?;
    Ok(job)
}

async fn add(cx: &Cx, tx: &Tx, of: Of<'_>, id: JobId, draft: &Draft) -> Result<Job> {
    admit(cx, tx, of, &draft.spec, &draft.quota, None).await?;
    let now = cx.now();
    let kind = match (draft.spec.job_type, &draft.schedule) {
        (JobType::Scheduled, Some(fields)) => Kind::Scheduled(Schedule {
            fields: fields.clone(),
            accounted: now,
            last: None,
            next: None,
            silent: 0,
        }),
        (JobType::Continuous | JobType::Webservice, _) => Kind::Kept(cx.id()),
        _ => Kind::OneOff,
    };
    let mut job = Job {
        id,
        tool: of.tool,
        name: draft.spec.name.clone(),
        kind,
        spec: draft.spec.clone(),
        image: draft.image.clone(),
        newer: None,
        generation: 1,
        restart: 0,
        paused: None,
        last_run: None,
        publish: draft.spec.is_page(),
        created: now,
        changed: now,
    };
    start(cx, tx, &mut job, draft.plan.clone()).await?;
    cx.store.job_add(tx, &job).await?;
    Ok(job)
}

/// Changes a scheduled or continuous job in its place.
async fn change(cx: &Cx, of: Of<'_>, seen: Job, draft: Draft) -> Result<()> {
    pin(cx, of, seen.id, &draft.image).await?;
    let tx = cx.store.begin().await?;
    cx.store.tool_enter(&tx, of.tool, of.name, Some(&draft.quota)).await?;
    let found = cx.store.job_in(&tx, of.tool, &draft.spec.name).await?;
    let Some(mut job) = found.filter(|job| job.id == seen.id && job.generation == seen.generation) else {
        return Err(Error::conflict("job-changed", format!("somebody else changed {} just now", seen.name))
            .help("look at it, and try again: hearth jobs show"));
    };
    admit(cx, &tx, of, &draft.spec, &draft.quota, Some(&job)).await?;
    let (old, new) = (holder(job.id, &job.image), holder(job.id, &draft.image));
    if old != new {
        cx.store.ask_unpin(&tx, &old, cx.now()).await?;
    }
    job.generation += 1;
    job.changed = cx.now();
    job.publish = draft.spec.is_page();
    // What was due until now is answered by what the job was.
    due::settle(cx, &tx, &mut job, cx.now()).await?;
    if let (Some(schedule), Some(fields)) = (job.schedule_mut(), draft.schedule) {
        schedule.fields = fields;
    }
    (job.spec, job.image, job.newer) = (draft.spec, draft.image, None);
    start(cx, &tx, &mut job, draft.plan).await?;
    cx.store.job_save(&tx, &job).await?;
    end(cx, tx, of).await
}

/// Begins what a new or changed job begins with: its run, its set, its next due time.
async fn start(cx: &Cx, tx: &Tx, job: &mut Job, plan: Plan) -> Result<()> {
    match job.kind.clone() {
        Kind::OneOff => launch::run(cx, tx, job, plan, Start::now(Cause::Create, cx.now())).await.map(drop),
        Kind::Kept(set) => launch::keep(cx, tx, job, set, plan).await,
        Kind::Scheduled(schedule) => due::settle(cx, tx, job, schedule.accounted).await,
    }
}

/// Refuses a job when it would be more than the tool may use, or a second page; under the tool's lock.
pub async fn admit(
    cx: &Cx,
    tx: &Tx,
    of: Of<'_>,
    spec: &JobSpec,
    quota: &Quota,
    instead_of: Option<&Job>,
) -> Result<()> {
    let jobs = cx.store.jobs_in(tx, of.tool).await?;
    let taken = cx.store.taken_in(tx, [of.tool]).await?;
    Use::of(&jobs, &taken, instead_of).admit(spec, quota, &cx.settings)?;
    let others = |job: &&Job| instead_of.is_none_or(|replaced| replaced.id != job.id);
    match jobs.iter().filter(others).find(|job| job.publish) {
        Some(page) if spec.is_page() => Err(Error::conflict(
            "page-taken",
            format!("the job {} is the page of {} already", page.name, of.name),
        )
        .help(format!("publish only one of the two, or delete the other: hearth jobs delete {}", page.name))),
        _ => Ok(()),
    }
}

async fn end(cx: &Cx, tx: Tx, of: Of<'_>) -> Result<()> {
    routing::refresh(cx, &tx, of.tool, Some(of.name)).await?;
    tx.commit().await?;
    cx.wake_scheduler();
    Ok(())
}
