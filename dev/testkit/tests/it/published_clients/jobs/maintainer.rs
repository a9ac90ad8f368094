//! A maintainer who runs `toolforge jobs` and reads the results from Hearth's API.

use std::time::Duration;

use hearth_base::{Result, ToolName};
use hearth_testkit::{Hearth, Person, TestImage, wait_until_within};
use hearth_wire::jobs::{Job, JobsQuery, StatusShort};

use super::super::Terminal;

/// A user with one tool and the image `bookworm`.
pub struct Maintainer {
    pub person: Person,
    pub terminal: Terminal,
    pub tool: ToolName,
}

/// Builds the arguments of `toolforge` that run a job: its name and flags, separated by spaces, and its
/// command.
pub fn build_run_words<'a>(job: &'a str, command: &'a str) -> Vec<&'a str> {
    let words = ["jobs", "run"].into_iter().chain(job.split_whitespace());
    words.chain(["--image", "bookworm", "--command", command]).collect()
}

/// The same, with its output in Hearth's log: by default it goes to files.
pub fn build_logged_run_words<'a>(job: &'a str, command: &'a str) -> Vec<&'a str> {
    [build_run_words(job, command), vec!["--no-filelog"]].concat()
}

/// Waits until `toolforge jobs logs` with these words prints exactly these texts.
pub async fn wait_for_texts(terminal: &Terminal, words: &str, texts: &[&str]) -> Result<()> {
    let words: Vec<&str> = ["jobs", "logs"].into_iter().chain(words.split_whitespace()).collect();
    wait_until_within(Duration::from_secs(60), &format!("{texts:?} by {words:?}"), async || {
        let printed = terminal.run_toolforge(&words);
        // The first columns are the time, the pod and the job.
        let read = printed.out.lines().filter_map(|line| line.splitn(4, ' ').nth(3));
        Ok((printed.status == Some(0) && read.eq(texts.iter().copied())).then_some(()))
    })
    .await
}

impl Maintainer {
    /// Creates a maintainer: the first operator of a new Hearth, with a tool.
    pub async fn create_with_tool(hearth: &Hearth, tool: &str) -> Result<Self> {
        let person = hearth.operator().await?;
        TestImage::from_busybox(&[])?.push(&person.client, "hearth/bookworm", "latest").await?;
        let terminal = Terminal::open(hearth, &person, tool).await?;
        Ok(Self { person, terminal, tool: tool.parse()? })
    }

    /// Runs `toolforge jobs` with these words, separated by spaces, and returns its output.
    pub fn run_jobs_command(&self, words: &str) -> String {
        let words: Vec<&str> = ["jobs"].into_iter().chain(words.split_whitespace()).collect();
        self.terminal.run_successfully(&words)
    }

    /// Creates several jobs concurrently.
    pub fn run_all(&self, jobs: &[(&str, &str)]) {
        let build_words = jobs.iter().map(|(job, command)| {
            let names_files = job.contains("filelog") || job.contains(" -o ");
            if names_files { build_run_words(job, command) } else { build_logged_run_words(job, command) }
        });
        let jobs: Vec<Vec<&str>> = build_words.collect();
        self.terminal.run_all_successfully(&jobs.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    /// Reads the table of `toolforge jobs show`. The result returns the value of a heading, in one line.
    pub fn read_fields(&self, job: &str) -> impl Fn(&str) -> String {
        let table = self.run_jobs_command(&format!("show {job}"));
        move |heading| {
            let mut rows = table.lines().skip_while(|line| !line.starts_with(&format!("| {heading}")));
            let first = rows.next().unwrap_or_else(|| panic!("{heading}\n{table}"));
            let more = rows.take_while(|line| line.starts_with('|'));
            let cells =
                [first].into_iter().chain(more).filter_map(|row| row.split('|').nth(2).map(str::trim));
            cells.collect::<Vec<_>>().join(" ")
        }
    }

    /// Reads the table of `toolforge jobs list --output long`. The result returns the value of a column for a
    /// job.
    pub fn read_columns(&self) -> impl Fn(&str, &str) -> String {
        let table = self.run_jobs_command("list --output long");
        move |job, heading| {
            let cells = |row: &str| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
            let mut rows = table.lines().filter(|line| line.starts_with('|')).map(cells);
            let column = rows.next().and_then(|row| row.iter().position(|cell| cell == heading));
            let row = rows.find(|row| row[1] == job);
            column
                .zip(row)
                .map(|(column, row)| row[column].clone())
                .unwrap_or_else(|| panic!("{job}\n{table}"))
        }
    }

    /// Waits until `toolforge jobs logs` with these words prints exactly these texts. Lines may arrive after
    /// a run's end.
    pub async fn wait_for_log_texts(&self, words: &str, texts: &[&str]) -> Result<()> {
        wait_for_texts(&self.terminal, words, texts).await
    }

    /// Returns a job from Hearth's API.
    pub async fn show_job(&self, job: &str) -> Result<Job> {
        self.person.client.jobs().show(&self.tool, &job.parse()?, &JobsQuery::default()).await
    }

    /// Waits until a job matches.
    pub async fn wait_for_job(&self, job: &str, matches: impl Fn(&Job) -> bool) -> Result<Job> {
        wait_until_within(Duration::from_secs(100), job, async || {
            Ok(Some(self.show_job(job).await?).filter(&matches))
        })
        .await
    }

    /// Waits until the run of a job has ended, and checks its outcome.
    pub async fn wait_for_end(&self, job: &str, expected: StatusShort) -> Result<Job> {
        let has_ended = |job: &Job| matches!(job.status.short, StatusShort::Succeeded | StatusShort::Failed);
        let job = self.wait_for_job(job, has_ended).await?;
        assert_eq!(job.status.short, expected, "{}: {:?}", job.name, job.status.messages);
        Ok(job)
    }

    /// Waits until a job runs with this number of ready containers.
    pub async fn wait_for_ready(&self, job: &str, count: u32) -> Result<Job> {
        self.wait_for_job(job, |job| job.status.short == StatusShort::Running && job.status.ready == count)
            .await
    }
}
