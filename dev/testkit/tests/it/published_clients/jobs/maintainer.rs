//! Whoever types `toolforge jobs`, and asks Hearth itself what became of it.

use std::time::Duration;

use hearth_base::{Result, ToolName};
use hearth_testkit::{Hearth, Image, Person, until_within};
use hearth_wire::jobs::{Job, JobsQuery, StatusShort};

use super::super::Terminal;

/// Somebody with one tool and the image `bookworm`.
pub struct Maintainer {
    pub person: Person,
    pub terminal: Terminal,
    pub tool: ToolName,
}

/// The words behind `toolforge` that run a job of the image: a name with flags, told apart by blanks, and a command.
pub fn run<'a>(job: &'a str, command: &'a str) -> Vec<&'a str> {
    let words = ["jobs", "run"].into_iter().chain(job.split_whitespace());
    words.chain(["--image", "bookworm", "--command", command]).collect()
}

/// Waits until `toolforge jobs logs` and these words print these texts at a terminal.
pub async fn reads(terminal: &Terminal, words: &str, texts: &[&str]) -> Result<()> {
    let words: Vec<&str> = ["jobs", "logs"].into_iter().chain(words.split_whitespace()).collect();
    until_within(Duration::from_secs(60), &format!("{texts:?} by {words:?}"), async || {
        let printed = terminal.toolforge(&words);
        // Without its time and its writer.
        let read = printed.out.lines().filter_map(|line| line.splitn(4, ' ').nth(3));
        Ok((printed.status == Some(0) && read.eq(texts.iter().copied())).then_some(()))
    })
    .await
}

impl Maintainer {
    /// The operator of a new Hearth, with a tool.
    pub async fn of(hearth: &Hearth, tool: &str) -> Result<Self> {
        let person = hearth.operator().await?;
        Image::busybox(&[])?.push(&person.client, "hearth/bookworm", "latest").await?;
        let terminal = Terminal::open(hearth, &person, tool).await?;
        Ok(Self { person, terminal, tool: tool.parse()? })
    }

    /// What `toolforge jobs` and these words print, told apart by blanks.
    pub fn jobs(&self, words: &str) -> String {
        let words: Vec<&str> = ["jobs"].into_iter().chain(words.split_whitespace()).collect();
        self.terminal.done(&words)
    }

    /// Runs jobs, all of them at once.
    pub fn run_all(&self, jobs: &[(&str, &str)]) {
        let jobs: Vec<Vec<&str>> = jobs.iter().map(|(job, command)| run(job, command)).collect();
        self.terminal.all_done(&jobs.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    /// The rows of `toolforge jobs show`: what stands behind a heading, in one line.
    pub fn shown(&self, job: &str) -> impl Fn(&str) -> String {
        let table = self.jobs(&format!("show {job}"));
        move |heading| {
            let mut rows = table.lines().skip_while(|line| !line.starts_with(&format!("| {heading}")));
            let first = rows.next().unwrap_or_else(|| panic!("{heading}\n{table}"));
            let more = rows.take_while(|line| line.starts_with('|'));
            let cells =
                [first].into_iter().chain(more).filter_map(|row| row.split('|').nth(2).map(str::trim));
            cells.collect::<Vec<_>>().join(" ")
        }
    }

    /// The columns of `toolforge jobs list --output long` for each job.
    pub fn listed(&self) -> impl Fn(&str, &str) -> String {
        let table = self.jobs("list --output long");
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

    /// Waits until `toolforge jobs logs` and these words print these texts: a line may arrive after its writer's end.
    pub async fn reads(&self, words: &str, texts: &[&str]) -> Result<()> {
        reads(&self.terminal, words, texts).await
    }

    /// A job as Hearth has it.
    pub async fn job(&self, job: &str) -> Result<Job> {
        self.person.client.jobs().show(&self.tool, &job.parse()?, &JobsQuery::default()).await
    }

    /// Waits until a job is as wanted.
    pub async fn until(&self, job: &str, wanted: impl Fn(&Job) -> bool) -> Result<Job> {
        until_within(Duration::from_secs(100), job, async || Ok(Some(self.job(job).await?).filter(&wanted)))
            .await
    }

    /// Waits until a job's run is over.
    pub async fn ended(&self, job: &str, how: StatusShort) -> Result<Job> {
        let over = |job: &Job| matches!(job.status.short, StatusShort::Succeeded | StatusShort::Failed);
        let job = self.until(job, over).await?;
        assert_eq!(job.status.short, how, "{}: {:?}", job.name, job.status.messages);
        Ok(job)
    }

    /// Waits until a job runs, with so many containers that are ready.
    pub async fn ready(&self, job: &str, count: u32) -> Result<Job> {
        self.until(job, |job| job.status.short == StatusShort::Running && job.status.ready == count).await
    }
}
