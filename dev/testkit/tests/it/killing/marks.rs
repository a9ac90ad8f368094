//! Marks that containers write themselves, and their comparison with the runs that Hearth reports.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Error, Result, ToolName};
use hearth_client::Client;
use hearth_testkit::Audit;
use hearth_wire::{
    jobs::{Run, RunEnd, RunState},
    storage::FileQuery,
};
use http_body_util::BodyExt;

/// Builds a command that appends a random mark to a file in the tool's home at its start and, with its exit
/// status, just before its end, and writes the mark to its log. Duration and status follow from the mark: up
/// to `max_seconds`, and one in four fails.
pub fn build_marking_command(job: &str, max_seconds: u32) -> String {
    let tenths = max_seconds * 10;
    format!(
        "m=$(cat /proc/sys/kernel/random/uuid); n=$((0x${{m%${{m#????}}}})); \
         c=$((n % 4 ? 0 : n % 7)); t=$((n % {tenths})); \
         echo start $m {job} >> $HOME/marks; echo $m; sleep $((t / 10)).$((t % 10)); \
         echo end $m $c >> $HOME/marks; exit $c"
    )
}

/// The starts and ends that one container has recorded.
#[derive(Debug, Default)]
struct ContainerMark {
    job: String,
    starts: u32,
    ends: Vec<i32>,
}

/// The marks of all containers.
#[derive(Debug)]
pub struct ContainerMarks(BTreeMap<String, ContainerMark>);

impl ContainerMarks {
    /// Reads the marks from the home of a tool.
    pub async fn read(client: &Client, tool: &ToolName) -> Result<Self> {
        let mut marks: BTreeMap<String, ContainerMark> = BTreeMap::new();
        let query = FileQuery { path: "marks".to_owned() };
        let file = client.storage().read_file(tool, &query).await?;
        let bytes = file.into_body().collect().await.map_err(Error::internal)?.to_bytes();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let [event, mark, rest] = line.split(' ').collect::<Vec<_>>()[..] else {
                return Err(Error::internal(format!("line is not a mark: {line:?}")));
            };
            let mark = marks.entry(mark.to_owned()).or_default();
            match event {
                "start" => (mark.job, mark.starts) = (rest.to_owned(), mark.starts + 1),
                _ => mark.ends.push(rest.parse().map_err(Error::internal)?),
            }
        }
        Ok(Self(marks))
    }

    /// Compares the marks with the reported runs. Only runs with killed processes may lack information.
    pub fn compare_with_runs(
        &self,
        audit: &mut Audit,
        runs: &[Run],
        runs_with_killed_processes: &BTreeSet<String>,
    ) {
        for (id, mark) in &self.0 {
            audit.record_unless(mark.starts == 1 && mark.ends.len() <= 1, || {
                format!("mark {id} has more than one start or end: {mark:?}")
            });
        }
        let mut claimed = BTreeSet::new();
        let mut runs_without_mark: BTreeMap<&str, usize> = BTreeMap::new();
        for run in runs {
            let marks_of_run: Vec<&String> =
                run.last_lines.iter().filter(|line| self.0.contains_key(*line)).collect();
            audit.record_unless(marks_of_run.len() <= 1, || {
                format!("run has the lines of several starts: {run:?}")
            });
            let mark = marks_of_run.first().and_then(|id| self.0.get(*id));
            for id in marks_of_run {
                audit.record_unless(claimed.insert(id), || {
                    format!("mark {id} is in the lines of two runs: {run:?}")
                });
            }
            if mark.is_none() && run.end != Some(RunEnd::NotStarted) {
                *runs_without_mark.entry(run.job.as_str()).or_default() += 1;
            }
            audit.record_unless(is_consistent(run, mark, runs_with_killed_processes), || {
                format!("reported run {run:?} contradicts the mark {mark:?}")
            });
        }
        for (id, mark) in self.0.iter().filter(|(id, _)| !claimed.contains(id)) {
            // A helper that is killed at once stores no line of its run.
            let runs_without_mark = runs_without_mark.entry(&mark.job).or_default();
            audit.record_unless(*runs_without_mark > 0, || format!("mark {id} belongs to no run: {mark:?}"));
            *runs_without_mark = runs_without_mark.saturating_sub(1);
        }
    }
}

/// Returns true if a reported run agrees with the mark of its container.
fn is_consistent(
    run: &Run,
    mark: Option<&ContainerMark>,
    runs_with_killed_processes: &BTreeSet<String>,
) -> bool {
    let lost_a_process = runs_with_killed_processes.contains(&run.id);
    let ends = mark.map_or(&[][..], |mark| &mark.ends);
    let same_job = mark.is_none_or(|mark| mark.job == run.job.as_str());
    let ends_agree = match (run.end, run.exit_code) {
        (Some(RunEnd::Exited), Some(code)) => ends == [code],
        (Some(RunEnd::Stopped), Some(code)) => ends.is_empty() || ends == [code],
        (Some(RunEnd::Stopped), None) => run.started.is_some() || mark.is_none(),
        (Some(RunEnd::Lost), None) => lost_a_process,
        // The process that should have started the container was killed: the runtime, a helper or a child of
        // a helper.
        (Some(RunEnd::NotStarted), None) => mark.is_none(),
        (Some(RunEnd::Killed), None) => lost_a_process && run.signal == Some(9) && ends.is_empty(),
        _ => false,
    };
    run.state == RunState::Ended && same_job && ends_agree
}
