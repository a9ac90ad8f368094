//! What containers themselves write down, and what is told of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use hearth_base::{Error, Result};
use hearth_testkit::Audit;
use hearth_wire::jobs::{Run, RunEnd, RunState};

/// A command that leaves a mark of its own in the tool's home when it begins and another, with its status, when it is
/// about to end; and writes the mark to its log. How long it takes and how it ends follows from the mark: up to `most`
/// seconds, and one in four does not end well.
pub fn command(job: &str, most: u32) -> String {
    let tenths = most * 10;
    format!(
        "m=$(cat /proc/sys/kernel/random/uuid); n=$((0x${{m%${{m#????}}}})); \
         c=$((n % 4 ? 0 : n % 7)); t=$((n % {tenths})); \
         echo start $m {job} >> $HOME/marks; echo $m; sleep $((t / 10)).$((t % 10)); \
         echo end $m $c >> $HOME/marks; exit $c"
    )
}

/// What one container wrote.
#[derive(Debug, Default)]
struct Mark {
    job: String,
    starts: u32,
    ends: Vec<i32>,
}

/// What all containers wrote, by their marks.
#[derive(Debug)]
pub struct Marks(BTreeMap<String, Mark>);

impl Marks {
    /// Those of the one tool that there is.
    pub fn read(homes: &Path) -> Result<Self> {
        let mut marks: BTreeMap<String, Mark> = BTreeMap::new();
        for home in fs::read_dir(homes).map_err(Error::internal)? {
            let path = home.map_err(Error::internal)?.path().join("marks");
            let text = fs::read_to_string(&path).unwrap_or_default();
            for line in text.lines() {
                let [what, mark, rest] = line.split(' ').collect::<Vec<_>>()[..] else {
                    return Err(Error::internal(format!("{line:?} is no mark")));
                };
                let mark = marks.entry(mark.to_owned()).or_default();
                match what {
                    "start" => (mark.job, mark.starts) = (rest.to_owned(), mark.starts + 1),
                    _ => mark.ends.push(rest.parse().map_err(Error::internal)?),
                }
            }
        }
        Ok(Self(marks))
    }

    /// Compares them with what is told of all runs. Only of those that lost a process may anything be unknown.
    pub fn compare(&self, audit: &mut Audit, runs: &[Run], bereaved: &BTreeSet<String>) {
        for (id, mark) in &self.0 {
            audit.demand(mark.starts == 1 && mark.ends.len() <= 1, || format!("{id} is {mark:?}"));
        }
        let mut claimed = BTreeSet::new();
        let mut silent: BTreeMap<&str, usize> = BTreeMap::new();
        for run in runs {
            let known: Vec<&String> =
                run.last_lines.iter().filter(|line| self.0.contains_key(*line)).collect();
            audit.demand(known.len() <= 1, || format!("it wrote for more than one start: {run:?}"));
            let mark = known.first().and_then(|id| self.0.get(*id));
            for id in known {
                audit.demand(claimed.insert(id), || format!("another run wrote {id} as well: {run:?}"));
            }
            if mark.is_none() && run.end != Some(RunEnd::NotStarted) {
                *silent.entry(run.job.as_str()).or_default() += 1;
            }
            audit.demand(fits(run, mark, bereaved), || format!("{run:?} is told of {mark:?}"));
        }
        for (id, mark) in self.0.iter().filter(|(id, _)| !claimed.contains(id)) {
            // Its helper was killed before it could take even the first line.
            let silent = silent.entry(&mark.job).or_default();
            audit.demand(*silent > 0, || format!("{id} belongs to no run: {mark:?}"));
            *silent = silent.saturating_sub(1);
        }
    }
}

/// Whether what is told of a run is what its container wrote.
fn fits(run: &Run, mark: Option<&Mark>, bereaved: &BTreeSet<String>) -> bool {
    let is_bereaved = bereaved.contains(&run.id);
    let ends = mark.map_or(&[][..], |mark| &mark.ends);
    let same_job = mark.is_none_or(|mark| mark.job == run.job.as_str());
    let so = match (run.end, run.exit_code) {
        (Some(RunEnd::Exited), Some(code)) => ends == [code],
        (Some(RunEnd::Stopped), Some(code)) => ends.is_empty() || ends == [code],
        (Some(RunEnd::Stopped), None) => run.started.is_some() || mark.is_none(),
        (Some(RunEnd::Lost), None) => is_bereaved,
        // A process was killed that was about to start it: the runtime's, a helper, or one that a helper starts.
        (Some(RunEnd::NotStarted), None) => mark.is_none(),
        (Some(RunEnd::Killed), None) => is_bereaved && run.signal == Some(9) && ends.is_empty(),
        _ => false,
    };
    run.state == RunState::Ended && same_job && so
}
