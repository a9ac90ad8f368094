//! Settles due times of schedules: each gets a run, or is skipped or missed. The run, the ledger entry and
//! the job's position (`settled_until`, `next_due`) change in one transaction, so a due time has one outcome.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Result, ToolId};
use hearth_kit::db::Tx;
use hearth_wire::jobs::Concurrency;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    events,
    schedule::{self, DueSpan},
};
use crate::{
    app::{
        definition::{plan, spec::STARTING_DEADLINE},
        quota::QuotaUsage,
        workloads::launch::{self, LaunchBatch, RunStart},
    },
    context::JobsContext,
    store::{
        Job, JobId, JobSchedule, LedgerEntry, LedgerOutcome, ReservedResources, RunCause, ToolWithQuota,
        Workload,
    },
};

/// Consecutive due times without a run after which one event reports the job.
pub const CONSECUTIVE_MISSED_THRESHOLD: u64 = 3;
/// Maximum number of jobs that one transaction settles: other transactions wait for its locks.
const MAX_JOBS_PER_PASS: u64 = 32;
/// Time after which a due time that exceeds the tool's quota is tried again.
const QUOTA_RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// Jobs whose `settled_until` is ahead of the clock by less than this are not rewound.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// Settles up to [`MAX_JOBS_PER_PASS`] due jobs in one transaction. Returns whether more may be due.
pub async fn settle_due_jobs(cx: &JobsContext) -> Result<bool> {
    let now = cx.now();
    let tx = cx.store.begin_background().await?;
    let mut jobs = cx.store.claim_due_jobs(&tx, now, MAX_JOBS_PER_PASS).await?;
    let more = jobs.len() as u64 == MAX_JOBS_PER_PASS;
    if jobs.is_empty() {
        return Ok(false);
    }
    let mut settlement = Settlement { may_wait: true, ..Settlement::load(cx, &tx, &jobs).await? };
    for job in &mut jobs {
        settlement.settle_due_times(job, now).await?;
    }
    settlement.write_rows().await?;
    cx.store.update_schedule_positions(&tx, &jobs).await?;
    tx.commit().await?;
    Ok(more)
}

/// Settles a job's due times up to `now` before the job changes. A due time that exceeds the quota is missed
/// and does not wait, because the job has another definition afterwards. The caller holds the tool's lock and
/// saves the job.
pub async fn settle_job(cx: &JobsContext, tx: &Tx, job: &mut Job, now: Timestamp) -> Result<()> {
    let Some((JobSchedule { fields, settled_until, .. }, zone)) = read_schedule(job)? else { return Ok(()) };
    // Most changes fall between two due times: these need none of the queries of a settlement.
    if schedule::find_due_between(&fields, &zone, settled_until, now)?.is_none() {
        return mark_settled(job, &fields, &zone, settled_until.max(now));
    }
    let mut settlement = Settlement::load(cx, tx, std::slice::from_ref(job)).await?;
    settlement.settle_due_times(job, now).await?;
    settlement.write_rows().await
}

/// The settlement of due times of several jobs in one transaction. [`Settlement::load`] reads what the
/// decisions need with one query per table; [`Settlement::write_rows`] writes all results.
struct Settlement<'a> {
    cx: &'a JobsContext,
    tx: &'a Tx,
    tools: BTreeMap<ToolId, ToolWithQuota>,
    /// Resources that active and newly started runs of each tool use.
    quota_usage: BTreeMap<ToolId, QuotaUsage>,
    /// Tools whose quota is unknown or exhausted: it is fetched again.
    stale_quotas: BTreeSet<ToolId>,
    /// True if a due time that exceeds the quota may wait; false if it is missed at once.
    may_wait: bool,
    /// Jobs with an active run.
    running: BTreeSet<JobId>,
    /// Locked workloads of running jobs with `concurrency: replace`.
    replaceable: Vec<Workload>,
    launches: LaunchBatch,
    /// Ledger entries of due times that started a run.
    started: Vec<(JobId, LedgerEntry)>,
}

impl<'a> Settlement<'a> {
    async fn load(cx: &'a JobsContext, tx: &'a Tx, jobs: &[Job]) -> Result<Self> {
        let tools = cx.store.find_tools_in(tx, jobs.iter().map(|job| job.tool)).await?;
        let mut quota_usage: BTreeMap<ToolId, QuotaUsage> = BTreeMap::new();
        for ReservedResources { tool, share, .. } in
            cx.store.list_reservations_in(tx, tools.keys().copied()).await?
        {
            quota_usage.entry(tool).or_default().add_workload(share);
        }
        let running = cx.store.find_jobs_with_active_runs_in(tx, jobs.iter().map(|job| job.id)).await?;
        let is_replaced = |job: &&Job| job.spec.concurrency == Some(Concurrency::Replace);
        let replaceable = jobs.iter().filter(is_replaced).map(|job| job.id).filter(|id| running.contains(id));
        let replaceable = cx.store.lock_workloads_of_jobs(tx, replaceable).await?;
        let (launches, stale_quotas, started) = Default::default();
        Ok(Self {
            cx,
            tx,
            tools,
            quota_usage,
            stale_quotas,
            may_wait: false,
            running,
            replaceable,
            launches,
            started,
        })
    }

    /// Writes runs, workloads and ledger entries of due times that started a run, and enqueues quota fetches.
    async fn write_rows(self) -> Result<()> {
        let Self { cx, tx, .. } = self;
        self.launches.insert_rows(cx, tx).await?;
        cx.store.upsert_ledger_entries(tx, &self.started).await?;
        // The next pass decides by the fetched quota, which may be larger.
        cx.store.enqueue_quota_fetches(tx, self.stale_quotas, cx.now()).await
    }

    /// Settles a job's due times in `(settled_until, now]`. Only the last of them can still start a run;
    /// earlier ones are missed.
    ///
    /// | job and its due times | ledger outcome | `settled_until` | `next_due` |
    /// |---|---|---|---|
    /// | none is due | no entry | `now` | next of the schedule |
    /// | paused | all skipped | `now` | none |
    /// | the last is later than the deadline | all missed | `now` | next of the schedule |
    /// | in time; a run is active; `forbid` | last skipped | `now` | next of the schedule |
    /// | in time; quota exceeded; `may_wait` | last undecided | unchanged | in 5 seconds |
    /// | in time; quota exceeded; a change | last missed | `now` | next of the schedule |
    /// | in time; no plan can be built | last skipped | `now` | next of the schedule |
    /// | in time; otherwise | last ran | `now` | next of the schedule |
    async fn settle_due_times(&mut self, job: &mut Job, now: Timestamp) -> Result<()> {
        let Some((JobSchedule { fields, settled_until, .. }, zone)) = read_schedule(job)? else {
            return Ok(());
        };
        match schedule::find_due_between(&fields, &zone, settled_until, now)? {
            Some(span) if job.paused.is_some() => {
                // A pause is recorded when it ends or the job changes: a paused job has no `next_due`.
                let reason = LedgerOutcome::Skipped("it was paused".to_owned());
                record_unrun_span(self.cx, self.tx, job, span, reason).await?;
            }
            Some(span) if !self.settle_span(job, &fields, &zone, span, now).await? => {
                // `settled_until` stays, so the next pass decides this due time again.
                if let Some(schedule) = job.schedule_mut() {
                    schedule.next_due = Some(now + QUOTA_RETRY_INTERVAL);
                }
                return Ok(());
            }
            Some(_) | None => {}
        }
        mark_settled(job, &fields, &zone, settled_until.max(now))
    }

    /// Records the outcomes of a span of due times. Returns false if its last one waits for the quota.
    async fn settle_span(
        &mut self,
        job: &mut Job,
        fields: &str,
        zone: &TimeZone,
        span: DueSpan,
        now: Timestamp,
    ) -> Result<bool> {
        let Self { cx, tx, .. } = *self;
        let deadline = job.spec.starting_deadline.unwrap_or(STARTING_DEADLINE);
        let limit = SignedDuration::from_secs(deadline.into());
        if now.duration_since(span.last) > limit {
            // The quota is named as the reason if it is exceeded now: it is why the due time waited until its
            // deadline.
            let reason = match self.check_quota(job) {
                Err(exceeded) => exceeded.to_string(),
                Ok(()) => describe_lateness(cx, &span, deadline),
            };
            return record_unrun_span(cx, tx, job, span, LedgerOutcome::Missed(reason)).await.map(|()| true);
        }
        if let Some(before) = schedule::find_due_before_last(fields, zone, span)? {
            let reason = match self.check_quota(job) {
                Err(exceeded) => exceeded.to_string(),
                Ok(()) if now.duration_since(before.last) > limit => describe_lateness(cx, &before, deadline),
                Ok(()) => "superseded by the next due time".to_owned(),
            };
            record_unrun_span(cx, tx, job, before, LedgerOutcome::Missed(reason)).await?;
        }
        self.settle_due_time(job, span.last).await
    }

    /// Checks that the tool's quota allows one more run of a job, after the runs that it replaces. An unknown
    /// quota allows it: a due time must not depend on whether `accounts` answers.
    fn check_quota(&self, job: &Job) -> Result<()> {
        let mut usage = self.quota_usage.get(&job.tool).copied().unwrap_or_default();
        let replaced = |workload: &&Workload| workload.job == job.id && workload.wanted && !workload.done;
        self.replaceable
            .iter()
            .filter(replaced)
            .for_each(|workload| usage.remove_workload(workload.plan.resource_share()));
        match self.tools.get(&job.tool).and_then(|tool| tool.quota.as_ref()) {
            Some(quota) => usage.check_one_more_run(&job.spec, quota, &self.cx.settings),
            None => Ok(()),
        }
    }

    /// Starts a run for one due time, or records why it gets none. Returns false if it waits for the quota.
    async fn settle_due_time(&mut self, job: &mut Job, at: Timestamp) -> Result<bool> {
        let Self { cx, tx, .. } = *self;
        // A deleted tool starts nothing; its jobs are erased soon.
        let Some(tool) = self.tools.get(&job.tool) else { return Ok(true) };
        if tool.quota.is_none() {
            self.stale_quotas.insert(job.tool);
        }
        // The ledger ends before `at`, unless the clock was set back: a due time that has an entry never runs
        // twice.
        if job.schedule().is_some_and(|schedule| schedule.last_due >= Some(at)) {
            let newest = cx.store.find_newest_ledger_entry_until(tx, job.id, at).await?;
            if newest.is_some_and(|newest| newest.until >= at) {
                return Ok(true);
            }
        }
        let concurrency = job.spec.concurrency.unwrap_or(Concurrency::Forbid);
        if concurrency == Concurrency::Forbid && self.running.contains(&job.id) {
            let reason = LedgerOutcome::Skipped("the previous run was still active".to_owned());
            return record_new_unrun_span(cx, tx, job, DueSpan::from_instant(at), reason)
                .await
                .map(|()| true);
        }
        if let Err(exceeded) = self.check_quota(job) {
            self.stale_quotas.insert(job.tool);
            if self.may_wait {
                return Ok(false);
            }
            let reason = LedgerOutcome::Missed(exceeded.to_string());
            return record_new_unrun_span(cx, tx, job, DueSpan::from_instant(at), reason)
                .await
                .map(|()| true);
        }
        // `replaceable` holds workloads of this job only if its concurrency is `replace`. Their resources are
        // released before the new run's are added: the quota was checked without them.
        for workload in self.replaceable.extract_if(.., |workload| workload.job == job.id) {
            self.quota_usage.entry(job.tool).or_default().remove_workload(workload.plan.resource_share());
            launch::stop_workload(cx, tx, workload).await?;
        }
        let plan = match plan::build_plan(&job.spec, &tool.name, &job.image, job.restart, &cx.settings) {
            Ok(plan) => plan,
            // One job without a valid plan must not block the other jobs of its transaction.
            Err(error) => {
                let reason = LedgerOutcome::Skipped(error.to_string());
                return record_new_unrun_span(cx, tx, job, DueSpan::from_instant(at), reason)
                    .await
                    .map(|()| true);
            }
        };
        self.quota_usage.entry(job.tool).or_default().add_workload(plan.resource_share());
        let start = RunStart { cause: RunCause::Schedule, attempt: 1, due: Some(at), not_before: cx.now() };
        let run = self.launches.add_run(cx, job, plan, start);
        self.started
            .push((job.id, LedgerEntry { due: at, until: at, count: 1, outcome: LedgerOutcome::Ran(run) }));
        if let Some(schedule) = job.schedule_mut() {
            (schedule.last_due, schedule.consecutive_missed) = (schedule.last_due.max(Some(at)), 0);
        }
        Ok(true)
    }
}

/// Returns a job's schedule and its time zone; `None` for a job without a schedule.
fn read_schedule(job: &Job) -> Result<Option<(JobSchedule, TimeZone)>> {
    let Some(schedule) = job.schedule() else { return Ok(None) };
    Ok(Some((schedule.clone(), schedule::find_zone(job.spec.timezone.as_deref())?)))
}

/// Sets `settled_until`, and `next_due` to the first due time after it; a paused job has none.
fn mark_settled(job: &mut Job, fields: &str, zone: &TimeZone, until: Timestamp) -> Result<()> {
    let next = match job.paused {
        Some(_) => None,
        None => schedule::find_next_due(fields, zone, until)?,
    };
    if let Some(schedule) = job.schedule_mut() {
        (schedule.settled_until, schedule.next_due) = (until, next);
    }
    Ok(())
}

/// The reason for a late due time: downtime if it was due before this process started.
fn describe_lateness(cx: &JobsContext, span: &DueSpan, deadline: u32) -> String {
    match span.first < cx.process_started_at {
        true => "Hearth was not running".to_owned(),
        false => format!("it was not started within {deadline} seconds"),
    }
}

/// Records an outcome without a run for a span, except for due times that have a ledger entry: they ran while
/// the clock was ahead, or an earlier pass recorded them and then waited for the quota.
async fn record_unrun_span(
    cx: &JobsContext,
    tx: &Tx,
    job: &mut Job,
    span: DueSpan,
    outcome: LedgerOutcome,
) -> Result<()> {
    let Some((JobSchedule { fields, .. }, zone)) = read_schedule(job)? else { return Ok(()) };
    let ran = cx.store.list_ledger_entries_between(tx, job.id, span.first, span.last).await?;
    let ran = ran.iter().map(|entry| (entry.due, entry.until));
    for part in schedule::subtract_spans(&fields, &zone, span, ran)? {
        record_new_unrun_span(cx, tx, job, part, outcome.clone()).await?;
    }
    Ok(())
}

/// Records due times that have no ledger entry as skipped or missed, counts them as consecutive without a
/// run, and appends the event if they are missed or the count reaches [`CONSECUTIVE_MISSED_THRESHOLD`].
async fn record_new_unrun_span(
    cx: &JobsContext,
    tx: &Tx,
    job: &mut Job,
    span: DueSpan,
    outcome: LedgerOutcome,
) -> Result<()> {
    let DueSpan { first, last, count } = span;
    let newest = cx.store.find_newest_ledger_entry_until(tx, job.id, first).await?;
    // Due times of a pause are skipped on purpose and are not counted.
    let on_purpose = job.paused.is_some();
    let missed = matches!(outcome, LedgerOutcome::Missed(_));
    let entry = LedgerEntry { due: first, until: last, count, outcome };
    let before = job.schedule().map_or(0, |schedule| schedule.consecutive_missed);
    cx.store.append_or_merge_ledger_entry(tx, job.id, newest, &entry).await?;
    if let Some(schedule) = job.schedule_mut() {
        schedule.last_due = schedule.last_due.max(Some(last));
        if !on_purpose {
            schedule.consecutive_missed = schedule.consecutive_missed.saturating_add(count);
        }
        let consecutive_missed = schedule.consecutive_missed;
        // Skipped due times are reported once, when the count crosses the threshold; missed ones each time.
        if missed
            || (before < CONSECUTIVE_MISSED_THRESHOLD && consecutive_missed >= CONSECUTIVE_MISSED_THRESHOLD)
        {
            events::append_due_missed(cx, tx, job, &entry, consecutive_missed).await?;
        }
    }
    Ok(())
}

/// Rewinds schedules after the clock was set back: removes ledger entries without a run for times that are in
/// the future now, and sets `settled_until` to now. Each job has its own transaction, which waits for other
/// holders of its lock.
pub async fn rewind_schedules(cx: &JobsContext) -> Result<()> {
    loop {
        let jobs = cx.store.find_jobs_settled_beyond(cx.now() + CLOCK_TOLERANCE, MAX_JOBS_PER_PASS).await?;
        if jobs.is_empty() {
            return Ok(());
        }
        let mut rewound = 0_usize;
        for id in jobs {
            let tx = cx.store.begin_background().await?;
            let found = cx.store.find_job_by_id_for_update(&tx, id).await?;
            // The clock is read under the lock: an earlier holder may have settled due times up to the
            // present.
            let now = cx.now();
            let is_ahead = |job: &Job| {
                job.schedule().is_some_and(|schedule| schedule.settled_until > now + CLOCK_TOLERANCE)
            };
            if let Some(mut job) = found.filter(is_ahead) {
                rewound += 1;
                rewind_schedule(cx, &tx, &mut job, now).await?;
                cx.store.update_job(&tx, &job).await?;
                tx.commit().await?;
            }
        }
        if rewound > 0 {
            tracing::warn!(count = rewound, "clock was set back; schedules rewound");
        }
    }
}

/// Removes or shortens the ledger entries of a job that lie after `now`. Entries of runs stay, so that they
/// do not run again when their time comes.
async fn rewind_schedule(cx: &JobsContext, tx: &Tx, job: &mut Job, now: Timestamp) -> Result<()> {
    let Some((JobSchedule { fields, .. }, zone)) = read_schedule(job)? else { return Ok(()) };
    for entry in cx.store.list_runless_ledger_entries_after(tx, job.id, now).await? {
        cx.store.delete_ledger_entry(tx, job.id, entry.due).await?;
        // The search excludes its start, and the entry's first due time may still be in the past.
        let from = entry.due - SignedDuration::from_micros(1);
        if let Some(DueSpan { first, last, count }) = schedule::find_due_between(&fields, &zone, from, now)? {
            let shorter = LedgerEntry { due: first, until: last, count, ..entry };
            cx.store.upsert_ledger_entry(tx, job.id, &shorter).await?;
        }
    }
    job.paused = job.paused.map(|since| since.min(now));
    mark_settled(job, &fields, &zone, now)
}
