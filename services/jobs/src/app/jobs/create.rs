//! Creates jobs, and updates them to a requested spec.

use hearth_base::{Error, JobName, Result, ToolName};
use hearth_kit::db::Tx;
use hearth_wire::{jobs::JobType, tools::Quota};

use super::{
    delete,
    pin::{pin_holder, pin_image},
};
use crate::{
    app::{
        definition::{
            ToolScope, job_not_found_error,
            page::find_job_page,
            plan, preview,
            spec::{STARTING_DEADLINE, SpecDefaults},
            validation,
        },
        quota::QuotaUsage,
        routing,
        scheduling::{due, schedule},
        workloads::launch::{self, RunStart},
    },
    context::JobsContext,
    store::{
        Job, JobId, JobKind, JobPage, JobSchedule, JobSpec, ResolvedImage, RunCause, WorkloadPlan,
        job_exists_error,
    },
};

/// A validated job with its resolved image and its plan.
struct JobDraft {
    spec: JobSpec,
    image: ResolvedImage,
    plan: WorkloadPlan,
    schedule: Option<String>,
    quota: Quota,
}

/// Creates a job. A one-off job of that name that has completed is replaced; `job-exists` (conflict) for any
/// other.
pub async fn create(cx: &JobsContext, scope: ToolScope<'_>, spec: JobSpec) -> Result<Job> {
    let existing = cx.store.find_job(scope.tool, &spec.name).await?;
    if let Some(job) = &existing
        && !has_completed(cx, job).await?
    {
        return Err(job_exists_error(&job.name));
    }
    // A job of that name is replaced, so that it does not matter whether it was one of a preview.
    preview::validate_preview(&spec, None, cx.now())?;
    let draft = prepare_draft(cx, scope, spec, 0).await?;
    let id: JobId = cx.generate_id();
    pin_image(cx, scope, id, &draft.image).await?;
    let created = insert_new_job(cx, scope, id, &draft).await;
    if created.is_err() {
        // No job uses the pin. If its removal fails too, the erasure of the tool removes it.
        let _ = cx.peers.unpin_image(&pin_holder(id, &draft.image)).await;
    }
    created
}

/// The effect of an upsert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobUpsert {
    /// The job was created.
    Created,
    /// The job was changed.
    Updated,
    /// The job already satisfies the request.
    Unchanged,
}

/// Which jobs already satisfy a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecComparison {
    /// Those that have the values that the request sets.
    SetFields,
    /// Those that have these values, and the defaults of all others.
    AllFields,
}

/// Creates or changes a job so that it satisfies `spec`.
pub async fn update(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    spec: JobSpec,
    comparison: SpecComparison,
) -> Result<JobUpsert> {
    let Some(job) = cx.store.find_job(scope.tool, &spec.name).await? else {
        return create(cx, scope, spec).await.map(|_| JobUpsert::Created);
    };
    let defaults = SpecDefaults::from_job(&job, scope.name, &cx.settings);
    let is_satisfied = match comparison {
        SpecComparison::SetFields => job.spec.satisfies_spec(&spec, defaults),
        SpecComparison::AllFields => job.spec.equals_spec(&spec, defaults),
    };
    if is_satisfied {
        return Ok(JobUpsert::Unchanged);
    }
    let is_in_place = job.job_type() == spec.job_type && !matches!(job.kind, JobKind::OneOff);
    preview::validate_preview(&spec, Some(&job.spec), cx.now())?;
    let draft = prepare_draft(cx, scope, spec, job.restart).await?;
    if is_in_place {
        change_in_place(cx, scope, job, draft).await?;
    } else {
        let id: JobId = cx.generate_id();
        pin_image(cx, scope, id, &draft.image).await?;
        let tx = cx.store.begin().await?;
        cx.store.lock_and_upsert_tool(&tx, scope.tool, scope.name, Some(&draft.quota)).await?;
        if let Some(old) = cx.store.find_job_for_update(&tx, scope.tool, &draft.spec.name).await? {
            delete::remove_job(cx, &tx, &old).await?;
        }
        add_job(cx, &tx, scope, id, &draft).await?;
        commit_change(cx, tx, scope).await?;
    }
    Ok(JobUpsert::Updated)
}

/// Sets the number of replicas of a continuous job. Returns whether it changed.
pub async fn set_replicas(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    name: &JobName,
    replicas: u16,
) -> Result<bool> {
    let job = cx.store.find_job(scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
    let spec = JobSpec { replicas: Some(replicas), ..job.spec };
    let changed = update(cx, scope, spec, SpecComparison::SetFields).await?;
    Ok(changed != JobUpsert::Unchanged)
}

/// Returns whether a one-off job has completed its last run.
async fn has_completed(cx: &JobsContext, job: &Job) -> Result<bool> {
    let (JobKind::OneOff, Some(last)) = (&job.kind, &job.last_run) else { return Ok(false) };
    Ok(cx.store.find_run(last).await?.is_none_or(|run| run.has_ended()))
}

async fn prepare_draft(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    spec: JobSpec,
    restart: u64,
) -> Result<JobDraft> {
    let quota = cx.peers.fetch_quota(scope.tool).await?;
    validation::validate_job(&spec, &quota, &cx.settings)?;
    if let Some(at) = spec.envvars_at.filter(|at| *at > cx.now()) {
        let what = format!("envvars_at of job {} is in the future: {at:.0}", spec.name);
        return Err(
            Error::invalid("envvars-at", what).help("name a time of the past, or leave envvars_at out")
        );
    }
    if spec.variables.is_some() || spec.envvars.is_some() || spec.envvars_at.is_some() {
        let given = cx.peers.read_tool_envvars(scope.tool, &spec.name, spec.envvars_at).await?;
        given.check_job(&spec)?;
    }
    let zone = schedule::find_zone(spec.timezone.as_deref())?;
    let actual = spec
        .schedule
        .as_deref()
        .map(|text| schedule::resolve_schedule(text, scope.tool, &spec.name))
        .transpose()?;
    if let Some(actual) = &actual {
        let deadline = spec.starting_deadline.unwrap_or(STARTING_DEADLINE);
        schedule::check_deadline(actual, &zone, deadline, cx.now())?;
    }
    let image = cx.peers.resolve_image(scope.tool, &spec.imagename).await?;
    validation::validate_mount(&spec, image.provided)?;
    let plan = plan::build_plan(&spec, scope.name, &image, restart, &cx.settings)?;
    Ok(JobDraft { spec, image, plan, schedule: actual, quota })
}

async fn insert_new_job(cx: &JobsContext, scope: ToolScope<'_>, id: JobId, draft: &JobDraft) -> Result<Job> {
    let tx = cx.store.begin().await?;
    cx.store.lock_and_upsert_tool(&tx, scope.tool, scope.name, Some(&draft.quota)).await?;
    if let Some(old) = cx.store.find_job_for_update(&tx, scope.tool, &draft.spec.name).await? {
        // Checked again under the lock: another request may have created it meanwhile.
        if !matches!(old.kind, JobKind::OneOff) || cx.store.has_active_run_in(&tx, old.id).await? {
            return Err(job_exists_error(&old.name));
        }
        delete::remove_job(cx, &tx, &old).await?;
    }
    let job = add_job(cx, &tx, scope, id, draft).await?;
    commit_change(cx, tx, scope).await?;
    Ok(job)
}

async fn add_job(
    cx: &JobsContext,
    tx: &Tx,
    scope: ToolScope<'_>,
    id: JobId,
    draft: &JobDraft,
) -> Result<Job> {
    let page = check_quota_and_page(cx, tx, scope, &draft.spec, &draft.quota, None).await?;
    let now = cx.now();
    let kind = match (draft.spec.job_type, &draft.schedule) {
        (JobType::Scheduled, Some(fields)) => JobKind::Scheduled(JobSchedule {
            fields: fields.clone(),
            settled_until: now,
            last_due: None,
            next_due: None,
            consecutive_missed: 0,
        }),
        (JobType::Continuous | JobType::Webservice, _) => JobKind::Continuous(cx.generate_id()),
        _ => JobKind::OneOff,
    };
    let mut job = Job {
        id,
        tool: scope.tool,
        name: draft.spec.name.clone(),
        kind,
        spec: draft.spec.clone(),
        image: draft.image.clone(),
        newer_image: None,
        generation: 1,
        restart: 0,
        paused: None,
        asleep: None,
        last_run: None,
        page,
        created: now,
        changed: now,
    };
    start_job(cx, tx, &mut job, draft.plan.clone()).await?;
    cx.store.insert_job(tx, &job).await?;
    Ok(job)
}

/// Changes a scheduled or continuous job and keeps its id. `job-changed` (conflict) if another request
/// changed it meanwhile.
async fn change_in_place(cx: &JobsContext, scope: ToolScope<'_>, loaded: Job, draft: JobDraft) -> Result<()> {
    pin_image(cx, scope, loaded.id, &draft.image).await?;
    let tx = cx.store.begin().await?;
    cx.store.lock_and_upsert_tool(&tx, scope.tool, scope.name, Some(&draft.quota)).await?;
    let found = cx.store.find_job_for_update(&tx, scope.tool, &draft.spec.name).await?;
    let Some(mut job) = found.filter(|job| job.id == loaded.id && job.generation == loaded.generation) else {
        return Err(Error::conflict(
            "job-changed",
            format!("another request has changed job {}", loaded.name),
        )
        .help("check its definition and try again: hearth jobs show"));
    };
    let page = check_quota_and_page(cx, &tx, scope, &draft.spec, &draft.quota, Some(&job)).await?;
    let (old, new) = (pin_holder(job.id, &job.image), pin_holder(job.id, &draft.image));
    if old != new {
        cx.store.enqueue_unpin(&tx, &old, cx.now()).await?;
    }
    job.generation += 1;
    job.changed = cx.now();
    job.page = page;
    // A change wakes the job, so that its new definition proves itself.
    job.asleep = None;
    // Due times up to now are settled with the old definition.
    due::settle_job(cx, &tx, &mut job, cx.now()).await?;
    if let (Some(schedule), Some(fields)) = (job.schedule_mut(), draft.schedule) {
        schedule.fields = fields;
    }
    (job.spec, job.image, job.newer_image) = (draft.spec, draft.image, None);
    start_job(cx, &tx, &mut job, draft.plan).await?;
    cx.store.update_job(&tx, &job).await?;
    commit_change(cx, tx, scope).await
}

/// Starts a new or changed job: launches its run or set, or computes its next due time.
async fn start_job(cx: &JobsContext, tx: &Tx, job: &mut Job, plan: WorkloadPlan) -> Result<()> {
    match job.kind.clone() {
        JobKind::OneOff => {
            launch::launch_run(cx, tx, job, plan, RunStart::first_attempt(RunCause::Create, cx.now()))
                .await
                .map(drop)
        }
        JobKind::Continuous(set) => launch::launch_set(cx, tx, job, set, plan).await,
        // The span up to `settled_until` is empty, so this computes `next_due` only.
        JobKind::Scheduled(schedule) => due::settle_job(cx, tx, job, schedule.settled_until).await,
    }
}

/// Checks the quota, and that no other job is the same page; returns the page of the job. `quota` (exhausted),
/// `page-taken` and `environment-address-taken` (conflict). The caller holds the tool's lock.
pub async fn check_quota_and_page(
    cx: &JobsContext,
    tx: &Tx,
    scope: ToolScope<'_>,
    spec: &JobSpec,
    quota: &Quota,
    instead_of: Option<&Job>,
) -> Result<Option<JobPage>> {
    let page = find_job_page(spec, instead_of)?;
    let jobs = cx.store.list_jobs_in(tx, scope.tool).await?;
    let reservations = cx.store.list_reservations_in(tx, [scope.tool]).await?;
    QuotaUsage::from_jobs(&jobs, &reservations, instead_of).check_one_more_job(spec, quota, &cx.settings)?;
    let others = |job: &&Job| instead_of.is_none_or(|replaced| replaced.id != job.id);
    let environment = page.as_ref().and_then(JobPage::find_environment);
    if page.is_some()
        && let Some(other) = jobs.iter().filter(others).find(|job| job.page == page)
    {
        let owner = match environment {
            Some(environment) => format!("environment {environment} of tool {}", scope.name),
            None => format!("tool {}", scope.name),
        };
        let what = format!("{owner} already has a page: job {}", other.name);
        let help =
            format!("publish only one of the two, or delete the other: hearth jobs delete {}", other.name);
        return Err(Error::conflict("page-taken", what).help(help));
    }
    if let Some(environment) = environment
        && let Ok(label) = environment.build_label(scope.name).parse::<ToolName>()
        && cx.store.has_tool_of_name(tx, &label).await?
    {
        let what =
            format!("the address {label} of environment {environment} belongs to another tool, {label}");
        return Err(Error::conflict("environment-address-taken", what)
            .help("choose another name for the environment"));
    }
    Ok(page)
}

async fn commit_change(cx: &JobsContext, tx: Tx, scope: ToolScope<'_>) -> Result<()> {
    routing::update_routes(cx, &tx, scope.tool, Some(scope.name)).await?;
    tx.commit().await?;
    cx.wake_scheduler();
    Ok(())
}
