//! Due times: each is answered by a run, skipped or missed, and what became of it is written down, in one change.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Result, ToolId};
use hearth_kit::db::Tx;
use hearth_wire::jobs::Concurrency;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    events,
    schedule::{self, Span},
};
use crate::{
    app::{
        definition::{plan, spec::STARTING_DEADLINE},
        quota::Use,
        workloads::launch::{self, Launches, Start},
    },
    cx::Cx,
    store::{Cause, Entry, Job, JobId, Outcome, Schedule, Taken, Tool, Workload},
};

/// After so many due times in a row without a run, a job has fallen silent.
pub const SILENT: u64 = 3;
/// The most jobs of one change.
const BATCH: u64 = 32;
/// How soon it is seen whether a tool has room for what is due.
const ROOM: SignedDuration = SignedDuration::from_secs(5);
/// A clock that was set back by less needs nothing done.
const SET_BACK: SignedDuration = SignedDuration::from_secs(60);

/// Does what is due now. Whether there may be more.
pub async fn turn(cx: &Cx) -> Result<bool> {
    let now = cx.now();
    let tx = cx.store.begin_behind().await?;
    let mut jobs = cx.store.jobs_due(&tx, now, BATCH).await?;
    let more = jobs.len() as u64 == BATCH;
    if jobs.is_empty() {
        return Ok(false);
    }
    let mut settling = Settling { may_wait: true, ..Settling::of(cx, &tx, &jobs).await? };
    for job in &mut jobs {
        settling.settle(job, now).await?;
    }
    settling.end().await?;
    cx.store.jobs_followed(&tx, &jobs).await?;
    tx.commit().await?;
    Ok(more)
}

/// Answers all of a job's due times up to `now`, and finds the next. What there is no room for is missed: the job is
/// another one from then on. The caller saves it.
pub async fn settle(cx: &Cx, tx: &Tx, job: &mut Job, now: Timestamp) -> Result<()> {
    let Some((Schedule { fields, accounted, .. }, zone)) = rule(job)? else { return Ok(()) };
    if schedule::between(&fields, &zone, accounted, now)?.is_none() {
        return account(job, &fields, &zone, accounted.max(now));
    }
    let mut settling = Settling::of(cx, tx, std::slice::from_ref(job)).await?;
    settling.settle(job, now).await?;
    settling.end().await
}

/// Jobs whose due times are answered together.
struct Settling<'a> {
    cx: &'a Cx,
    tx: &'a Tx,
    tools: BTreeMap<ToolId, Tool>,
    /// What runs of them, and what begins.
    used: BTreeMap<ToolId, Use>,
    /// Those of which it is not known what they may use, or that had no room.
    asked: BTreeSet<ToolId>,
    /// What has no room yet may wait for it.
    may_wait: bool,
    running: BTreeSet<JobId>,
    /// Workloads of those that are replaced when they are due.
    replaced: Vec<Workload>,
    launches: Launches,
    ran: Vec<(JobId, Entry)>,
}

impl<'a> Settling<'a> {
    async fn of(cx: &'a Cx, tx: &'a Tx, jobs: &[Job]) -> Result<Self> {
        let tools = cx.store.tools_in(tx, jobs.iter().map(|job| job.tool)).await?;
        let mut used: BTreeMap<ToolId, Use> = BTreeMap::new();
        for Taken { tool, share, .. } in cx.store.taken_in(tx, tools.keys().copied()).await? {
            used.entry(tool).or_default().run(share);
        }
        let running = cx.store.jobs_that_run_in(tx, jobs.iter().map(|job| job.id)).await?;
        let is_replaced = |job: &&Job| job.spec.concurrency == Some(Concurrency::Replace);
        let replaced = jobs.iter().filter(is_replaced).map(|job| job.id).filter(|id| running.contains(id));
        let replaced = cx.store.workloads_of_locked(tx, replaced).await?;
        let (launches, asked, ran) = Default::default();
        Ok(Self { cx, tx, tools, used, asked, may_wait: false, running, replaced, launches, ran })
    }

    /// Writes down what begins.
    async fn end(self) -> Result<()> {
        let Self { cx, tx, .. } = self;
        self.launches.begin(cx, tx).await?;
        cx.store.ledger_put_all(tx, &self.ran).await?;
        // By the time that there is a next look, they may have more.
        cx.store.ask_quotas(tx, self.asked, cx.now()).await
    }

    async fn settle(&mut self, job: &mut Job, now: Timestamp) -> Result<()> {
        let Some((Schedule { fields, accounted, .. }, zone)) = rule(job)? else { return Ok(()) };
        match schedule::between(&fields, &zone, accounted, now)? {
            Some(span) if job.paused.is_some() => {
                let reason = Outcome::Skipped("it was paused".to_owned());
                note(self.cx, self.tx, job, span, reason).await?;
            }
            Some(span) if !self.answer(job, &fields, &zone, span, now).await? => {
                if let Some(schedule) = job.schedule_mut() {
                    schedule.next = Some(now + ROOM);
                }
                return Ok(());
            }
            Some(_) | None => {}
        }
        account(job, &fields, &zone, accounted.max(now))
    }

    /// Begins the newest due time, if it is not too late for it; of the others nobody can. Whether that is answered:
    /// the tool may have no room for it yet.
    async fn answer(
        &mut self,
        job: &mut Job,
        fields: &str,
        zone: &TimeZone,
        span: Span,
        now: Timestamp,
    ) -> Result<bool> {
        let Self { cx, tx, .. } = *self;
        let deadline = job.spec.starting_deadline.unwrap_or(STARTING_DEADLINE);
        let limit = SignedDuration::from_secs(deadline.into());
        if now.duration_since(span.last) > limit {
            let why = match self.room(job) {
                Err(full) => full.to_string(),
                Ok(()) => why_late(cx, &span, deadline),
            };
            return note(cx, tx, job, span, Outcome::Missed(why)).await.map(|()| true);
        }
        if let Some(before) = schedule::before_last(fields, zone, span)? {
            let reason = match self.room(job) {
                Err(full) => full.to_string(),
                Ok(()) if now.duration_since(before.last) > limit => why_late(cx, &before, deadline),
                Ok(()) => "the next was due by then".to_owned(),
            };
            note(cx, tx, job, before, Outcome::Missed(reason)).await?;
        }
        self.begin(job, span.last).await
    }

    /// Whether the tool may have one more run of a job, in place of those that it replaces.
    fn room(&self, job: &Job) -> Result<()> {
        let mut used = self.used.get(&job.tool).copied().unwrap_or_default();
        let replaced = |of: &&Workload| of.job == job.id && of.wanted && !of.done;
        self.replaced.iter().filter(replaced).for_each(|of| used.end(of.plan.share()));
        match self.tools.get(&job.tool).and_then(|tool| tool.quota.as_ref()) {
            Some(quota) => used.admit_run(&job.spec, quota, &self.cx.settings),
            None => Ok(()),
        }
    }

    /// Answers one due time with a run, unless there is a reason not to, or no room yet. Whether it is answered.
    async fn begin(&mut self, job: &mut Job, at: Timestamp) -> Result<bool> {
        let Self { cx, tx, .. } = *self;
        let Some(tool) = self.tools.get(&job.tool) else { return Ok(true) };
        if tool.quota.is_none() {
            self.asked.insert(job.tool);
        }
        // What the ledger has ends before, but for a clock that was set back.
        if job.schedule().is_some_and(|schedule| schedule.last >= Some(at)) {
            let newest = cx.store.ledger_newest(tx, job.id, at).await?;
            if newest.is_some_and(|newest| newest.until >= at) {
                return Ok(true);
            }
        }
        let concurrency = job.spec.concurrency.unwrap_or(Concurrency::Forbid);
        if concurrency == Concurrency::Forbid && self.running.contains(&job.id) {
            let reason = Outcome::Skipped("the run before still ran".to_owned());
            return note_new(cx, tx, job, Span::one(at), reason).await.map(|()| true);
        }
        if let Err(full) = self.room(job) {
            self.asked.insert(job.tool);
            if self.may_wait {
                return Ok(false);
            }
            let reason = Outcome::Missed(full.to_string());
            return note_new(cx, tx, job, Span::one(at), reason).await.map(|()| true);
        }
        // There are some only of a job that is replaced by its next run.
        for workload in self.replaced.extract_if(.., |workload| workload.job == job.id) {
            self.used.entry(job.tool).or_default().end(workload.plan.share());
            launch::stop(cx, tx, workload).await?;
        }
        let plan = match plan::plan(&job.spec, &tool.name, &job.image, job.restart, &cx.settings) {
            Ok(plan) => plan,
            // One job that cannot be planned is no hindrance to the others of its batch.
            Err(error) => {
                let reason = Outcome::Skipped(error.to_string());
                return note_new(cx, tx, job, Span::one(at), reason).await.map(|()| true);
            }
        };
        self.used.entry(job.tool).or_default().run(plan.share());
        let start = Start { cause: Cause::Schedule, attempt: 1, due: Some(at), at: cx.now() };
        let run = self.launches.add(cx, job, plan, start);
        self.ran.push((job.id, Entry { due: at, until: at, count: 1, outcome: Outcome::Ran(run) }));
        if let Some(schedule) = job.schedule_mut() {
            (schedule.last, schedule.silent) = (schedule.last.max(Some(at)), 0);
        }
        Ok(true)
    }
}

/// A job's schedule, and the time zone that it is meant in; nothing, when it has none.
fn rule(job: &Job) -> Result<Option<(Schedule, TimeZone)>> {
    let Some(schedule) = job.schedule() else { return Ok(None) };
    Ok(Some((schedule.clone(), schedule::zone(job.spec.timezone.as_deref())?)))
}

/// Notes that all due times up to `until` are in the ledger, and when there is something to do again.
fn account(job: &mut Job, fields: &str, zone: &TimeZone, until: Timestamp) -> Result<()> {
    let next = match job.paused {
        Some(_) => None,
        None => schedule::next(fields, zone, until)?,
    };
    if let Some(schedule) = job.schedule_mut() {
        (schedule.accounted, schedule.next) = (until, next);
    }
    Ok(())
}

fn why_late(cx: &Cx, span: &Span, deadline: u32) -> String {
    match span.first < cx.started {
        true => "Hearth was not running".to_owned(),
        false => format!("it could not be started within {deadline} seconds"),
    }
}

/// Writes down what became of due times, but for those in the ledger already: they ran when the clock was ahead.
async fn note(cx: &Cx, tx: &Tx, job: &mut Job, span: Span, outcome: Outcome) -> Result<()> {
    let Some((Schedule { fields, .. }, zone)) = rule(job)? else { return Ok(()) };
    let ran = cx.store.ledger_within(tx, job.id, span.first, span.last).await?;
    let ran = ran.iter().map(|entry| (entry.due, entry.until));
    for part in schedule::without(&fields, &zone, span, ran)? {
        note_new(cx, tx, job, part, outcome.clone()).await?;
    }
    Ok(())
}

/// Writes down why due times after the newest in the ledger brought no run.
async fn note_new(cx: &Cx, tx: &Tx, job: &mut Job, span: Span, outcome: Outcome) -> Result<()> {
    let Span { first, last, count } = span;
    let newest = cx.store.ledger_newest(tx, job.id, first).await?;
    let on_purpose = job.paused.is_some();
    let missed = matches!(outcome, Outcome::Missed(_));
    let entry = Entry { due: first, until: last, count, outcome };
    let before = job.schedule().map_or(0, |schedule| schedule.silent);
    cx.store.ledger_add(tx, job.id, newest, &entry).await?;
    if let Some(schedule) = job.schedule_mut() {
        schedule.last = schedule.last.max(Some(last));
        if !on_purpose {
            schedule.silent = schedule.silent.saturating_add(count);
        }
        let silent = schedule.silent;
        if missed || (before < SILENT && silent >= SILENT) {
            events::append_due_missed(cx, tx, job, &entry, silent).await?;
        }
    }
    Ok(())
}

/// The clock was set back: what was written down of times that have yet to come is taken back, but for runs, and
/// schedules go on from now. One job at a time: whoever holds it is waited for.
pub async fn set_back(cx: &Cx) -> Result<()> {
    loop {
        let jobs = cx.store.jobs_ahead(cx.now() + SET_BACK, BATCH).await?;
        if jobs.is_empty() {
            return Ok(());
        }
        let mut back = 0_usize;
        for id in jobs {
            let tx = cx.store.begin_behind().await?;
            let found = cx.store.job_by_id_in(&tx, id).await?;
            // What time it is now: whoever had it before may have written down what is due since then.
            let now = cx.now();
            let is_ahead =
                |job: &Job| job.schedule().is_some_and(|schedule| schedule.accounted > now + SET_BACK);
            if let Some(mut job) = found.filter(is_ahead) {
                back += 1;
                take_back(cx, &tx, &mut job, now).await?;
                cx.store.job_save(&tx, &job).await?;
                tx.commit().await?;
            }
        }
        if back > 0 {
            tracing::warn!(count = back, "the clock was set back: schedules go on from now");
        }
    }
}

async fn take_back(cx: &Cx, tx: &Tx, job: &mut Job, now: Timestamp) -> Result<()> {
    let Some((Schedule { fields, .. }, zone)) = rule(job)? else { return Ok(()) };
    for entry in cx.store.ledger_beyond(tx, job.id, now).await? {
        cx.store.ledger_drop(tx, job.id, entry.due).await?;
        let from = entry.due - SignedDuration::from_micros(1);
        if let Some(Span { first, last, count }) = schedule::between(&fields, &zone, from, now)? {
            let shorter = Entry { due: first, until: last, count, ..entry };
            cx.store.ledger_put(tx, job.id, &shorter).await?;
        }
    }
    job.paused = job.paused.map(|since| since.min(now));
    account(job, &fields, &zone, now)
}
