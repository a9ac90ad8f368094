//! Checks the runs and due times that Hearth reports for contradictions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use hearth_base::{JobName, PageLimit, Result, ToolName};
use hearth_client::Client;
use hearth_wire::{
    jobs::{DueOutcome, DueRecord, Run, RunEnd},
    reply::Paging,
};
use jiff::{SignedDuration, Timestamp};

/// Contradictions between recorded runs and due times, as sentences.
#[derive(Debug, Default)]
pub struct Audit {
    contradictions: Vec<String>,
}

/// A schedule with a fixed interval between due times, and the observed times that bound its ledger.
#[derive(Debug, Clone, Copy)]
pub struct EvenSchedule {
    /// The time between two due times.
    pub interval: SignedDuration,
    /// The times before and after the creation of the job.
    pub created_between: (Timestamp, Timestamp),
    /// The times before and after the ledger was read: it has all due times up to the first, and none after
    /// the second.
    pub read_between: (Timestamp, Timestamp),
}

impl Audit {
    /// Records a contradiction if the condition does not hold.
    pub fn record_unless(&mut self, holds: bool, describe: impl FnOnce() -> String) {
        if !holds {
            self.contradictions.push(describe());
        }
    }

    /// Checks that each due time is in the ledger exactly once. The ledger is ordered from newest to oldest.
    pub fn check_ledger(&mut self, job: &JobName, ledger: &[DueRecord], even: &EvenSchedule) {
        let EvenSchedule { interval: every, created_between: made, read_between: until } = *even;
        for due in ledger {
            let count = i32::try_from(due.count).unwrap_or(i32::MAX);
            let ran = due.outcome == DueOutcome::Ran;
            let covers_its_times = count >= 1
                && due.until == due.due + every * (count - 1)
                && is_multiple_of_interval(due.due, every);
            let has_its_details =
                ran == due.run.is_some() && ran != due.reason.is_some() && (!ran || count == 1);
            self.record_unless(covers_its_times && has_its_details, || {
                format!("{job}: ledger entry is inconsistent: {due:?}")
            });
        }
        for pair in ledger.windows(2) {
            let (later, earlier) = (&pair[0], &pair[1]);
            self.record_unless(later.due == earlier.until + every, || {
                format!("{job}: ledger has a gap or a duplicate between {earlier:?} and {later:?}")
            });
        }
        let (first, last) = (ledger.last().map(|due| due.due), ledger.first().map(|due| due.until));
        let expected = (find_next_due_time(made.0, every), find_next_due_time(made.1, every));
        self.record_unless(first.is_none_or(|first| expected.0 <= first && first <= expected.1), || {
            format!("{job}: first due time is wrong: {first:?}; the job was created between {made:?}")
        });
        let expected =
            (find_next_due_time(until.0, every) - every, find_next_due_time(until.1, every) - every);
        let none = expected.0 < find_next_due_time(made.1, every);
        self.record_unless(last.map_or(none, |last| expected.0 <= last && last <= expected.1), || {
            format!("{job}: last due time is wrong: {last:?}; the ledger was read between {until:?}")
        });
    }

    /// Checks that each due time with the outcome `ran` has its attempts, each once and only after a failed
    /// one, and that no other due time has any.
    pub fn check_attempts(&mut self, job: &JobName, runs: &[Run], ledger: &[DueRecord], retry: u32) {
        let mut attempts: BTreeMap<Timestamp, Vec<&Run>> = BTreeMap::new();
        for run in runs {
            self.record_unless(run.due.is_some() || run.cause != "schedule", || {
                format!("{job}: scheduled run has no due time: {run:?}")
            });
            if let Some(due) = run.due {
                attempts.entry(due).or_default().push(run);
            }
        }
        for (due, attempts) in &mut attempts {
            attempts.sort_by_key(|run| run.attempt);
            let numbers: Vec<u32> = attempts.iter().map(|run| run.attempt).collect();
            let max_attempts = retry + 1;
            let in_order = (1..=max_attempts).zip(&numbers).all(|(number, found)| number == *found);
            self.record_unless(in_order && numbers.len() <= max_attempts as usize, || {
                format!("{job}: attempts for {due} are wrong: {attempts:#?}")
            });
            for failed in attempts.iter().rev().skip(1) {
                let over =
                    failed.end.is_some_and(|end| end != RunEnd::Stopped) && failed.exit_code != Some(0);
                self.record_unless(over, || {
                    format!("{job}: an attempt follows a run that did not fail: {failed:?}")
                });
            }
            let entry = ledger.iter().find(|entry| entry.due == *due);
            let recorded = entry.and_then(|entry| entry.run.as_ref()).map(|run| &run.id);
            self.record_unless(recorded == attempts.last().map(|run| &run.id), || {
                format!("{job}: ledger entry {entry:?} contradicts the runs {attempts:?}")
            });
        }
        for ran in ledger.iter().filter(|entry| entry.outcome == DueOutcome::Ran) {
            self.record_unless(attempts.contains_key(&ran.due), || {
                format!("{job}: no run exists for {ran:?}")
            });
        }
    }

    /// Checks that no run is listed twice.
    pub fn check_started_once(&mut self, runs: &[Run]) {
        let ids: BTreeSet<&str> = runs.iter().map(|run| &*run.id).collect();
        self.record_unless(ids.len() == runs.len(), || "a run is listed twice".to_owned());
    }

    /// Returns true if no contradiction was found.
    pub fn is_clean(&self) -> bool {
        self.contradictions.is_empty()
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.contradictions.join("\n"))
    }
}

/// Returns all runs of a job, from newest to oldest.
pub async fn list_all_runs(client: &Client, tool: &ToolName, job: &JobName) -> Result<Vec<Run>> {
    let (mut all, mut paging) =
        (Vec::new(), Paging { limit: PageLimit::new(PageLimit::MAX_ITEMS)?, cursor: None });
    loop {
        let page = client.jobs().list_runs(tool, job, &paging).await?;
        all.extend(page.runs);
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            return Ok(all);
        }
    }
}

/// Returns all ledger entries of a job, from newest to oldest.
pub async fn list_all_due_records(client: &Client, tool: &ToolName, job: &JobName) -> Result<Vec<DueRecord>> {
    let (mut all, mut paging) =
        (Vec::new(), Paging { limit: PageLimit::new(PageLimit::MAX_ITEMS)?, cursor: None });
    loop {
        let page = client.jobs().show_history(tool, job, &paging).await?;
        all.extend(page.history);
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            return Ok(all);
        }
    }
}

fn is_multiple_of_interval(due: Timestamp, every: SignedDuration) -> bool {
    due.as_microsecond().rem_euclid(to_micros(every)) == 0
}

/// Returns the first due time after `time`.
fn find_next_due_time(time: Timestamp, every: SignedDuration) -> Timestamp {
    let into = time.as_microsecond().rem_euclid(to_micros(every));
    time - SignedDuration::from_micros(into) + every
}

fn to_micros(every: SignedDuration) -> i64 {
    i64::try_from(every.as_micros()).unwrap_or(i64::MAX)
}
