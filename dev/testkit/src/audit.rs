//! What Hearth tells of a job's runs and due times, looked at for what cannot be so.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use hearth_base::{JobName, Limit, Result, ToolName};
use hearth_client::Client;
use hearth_wire::{
    jobs::{Due, DueOutcome, Run, RunEnd},
    reply::Paging,
};
use jiff::{SignedDuration, Timestamp};

/// What cannot be so, as sentences.
#[derive(Debug, Default)]
pub struct Audit {
    found: Vec<String>,
}

/// A schedule whose due times lie evenly.
#[derive(Debug, Clone, Copy)]
pub struct Even {
    /// The time between two.
    pub every: SignedDuration,
    /// Its job was made between these.
    pub made: (Timestamp, Timestamp),
    /// What was due until the first of these is in the ledger, and nothing that is due after the second.
    pub until: (Timestamp, Timestamp),
}

impl Audit {
    /// Notes something that cannot be so, unless it is so.
    pub fn demand(&mut self, so: bool, else_what: impl FnOnce() -> String) {
        if !so {
            self.found.push(else_what());
        }
    }

    /// Each due time is in the ledger (the newest first, as it is told) exactly once.
    pub fn ledger(&mut self, job: &JobName, ledger: &[Due], even: &Even) {
        let Even { every, made, until } = *even;
        for due in ledger {
            let count = i32::try_from(due.count).unwrap_or(i32::MAX);
            let ran = due.outcome == DueOutcome::Ran;
            let whole = count >= 1 && due.until == due.due + every * (count - 1) && is_even(due.due, every);
            let said = ran == due.run.is_some() && ran != due.reason.is_some() && (!ran || count == 1);
            self.demand(whole && said, || format!("{job}: no entry of a ledger: {due:?}"));
        }
        for pair in ledger.windows(2) {
            let (later, earlier) = (&pair[0], &pair[1]);
            self.demand(later.due == earlier.until + every, || {
                format!("{job}: a gap or a double between {earlier:?} and {later:?}")
            });
        }
        let (first, last) = (ledger.last().map(|due| due.due), ledger.first().map(|due| due.until));
        let expected = (after(made.0, every), after(made.1, every));
        self.demand(first.is_none_or(|first| expected.0 <= first && first <= expected.1), || {
            format!("{job}: made at {made:?}, its first due time is said to be {first:?}")
        });
        let expected = (after(until.0, every) - every, after(until.1, every) - every);
        let none = expected.0 < after(made.1, every);
        self.demand(last.map_or(none, |last| expected.0 <= last && last <= expected.1), || {
            format!("{job}: at {until:?} its last due time is said to be {last:?}")
        });
    }

    /// Each due time that ran has its tries, each once and only after one that failed; no other has any.
    pub fn tries(&mut self, job: &JobName, runs: &[Run], ledger: &[Due], retry: u32) {
        let mut tries: BTreeMap<Timestamp, Vec<&Run>> = BTreeMap::new();
        for run in runs {
            self.demand(run.due.is_some() || run.cause != "schedule", || format!("{job}: due when? {run:?}"));
            if let Some(due) = run.due {
                tries.entry(due).or_default().push(run);
            }
        }
        for (due, tries) in &mut tries {
            tries.sort_by_key(|run| run.attempt);
            let numbers: Vec<u32> = tries.iter().map(|run| run.attempt).collect();
            let most = retry + 1;
            let in_order = (1..=most).zip(&numbers).all(|(number, found)| number == *found);
            self.demand(in_order && numbers.len() <= most as usize, || {
                format!("{job}: the tries for {due} are {tries:#?}")
            });
            for failed in tries.iter().rev().skip(1) {
                let over =
                    failed.end.is_some_and(|end| end != RunEnd::Stopped) && failed.exit_code != Some(0);
                self.demand(over, || format!("{job}: another try follows what did not fail: {failed:?}"));
            }
            let entry = ledger.iter().find(|entry| entry.due == *due);
            let told = entry.and_then(|entry| entry.run.as_ref()).map(|run| &run.id);
            self.demand(told == tries.last().map(|run| &run.id), || {
                format!("{job}: the ledger says {entry:?} of what ran as {tries:?}")
            });
        }
        for ran in ledger.iter().filter(|entry| entry.outcome == DueOutcome::Ran) {
            self.demand(tries.contains_key(&ran.due), || format!("{job}: nothing ran for {ran:?}"));
        }
    }

    /// No run is there twice.
    pub fn once(&mut self, runs: &[Run]) {
        let ids: BTreeSet<&str> = runs.iter().map(|run| &*run.id).collect();
        self.demand(ids.len() == runs.len(), || "a run is listed twice".to_owned());
    }

    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.found.is_empty()
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found.join("\n"))
    }
}

/// All runs of a job, the newest first.
pub async fn all_runs(client: &Client, tool: &ToolName, job: &JobName) -> Result<Vec<Run>> {
    let (mut all, mut paging) = (Vec::new(), Paging { limit: Limit::new(Limit::MAX)?, cursor: None });
    loop {
        let page = client.jobs().runs(tool, job, &paging).await?;
        all.extend(page.runs);
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            return Ok(all);
        }
    }
}

/// The whole ledger of a job, the newest first.
pub async fn whole_ledger(client: &Client, tool: &ToolName, job: &JobName) -> Result<Vec<Due>> {
    let (mut all, mut paging) = (Vec::new(), Paging { limit: Limit::new(Limit::MAX)?, cursor: None });
    loop {
        let page = client.jobs().history(tool, job, &paging).await?;
        all.extend(page.history);
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            return Ok(all);
        }
    }
}

fn is_even(due: Timestamp, every: SignedDuration) -> bool {
    due.as_microsecond().rem_euclid(micros(every)) == 0
}

/// The first due time after `time`.
fn after(time: Timestamp, every: SignedDuration) -> Timestamp {
    let into = time.as_microsecond().rem_euclid(micros(every));
    time - SignedDuration::from_micros(into) + every
}

fn micros(every: SignedDuration) -> i64 {
    i64::try_from(every.as_micros()).unwrap_or(i64::MAX)
}
