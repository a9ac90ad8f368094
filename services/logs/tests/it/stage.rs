//! The service and those who call it.

use hearth_base::{Access, Entropy, JobName, Memory, Result, Role, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{config::Config, db::Db};
use hearth_logs::LogsSettings;
use hearth_testkit::Stand;
use hearth_wire::{
    logs::{
        LogsEntry, LogsList, LogsQuery, LogsStream,
        internal::{LogsBatch, LogsLine, LogsOf, LogsSource},
    },
    tools::Quota,
};
use jiff::{SignedDuration, Timestamp};

/// When the stage's clock begins.
pub fn noon() -> Timestamp {
    "2026-05-04T12:00:00Z".parse().unwrap()
}

/// The service, a tool with a job, and those who call.
pub struct Stage {
    pub stand: Stand,
    pub id: ToolId,
    pub tool: ToolName,
    pub job: JobName,
    pub viewer: Client,
    pub jobs: Client,
}

pub async fn stage(db: Db) -> Result<Stage> {
    stage_with(db, LogsSettings::default()).await
}

pub async fn stage_with(db: Db, logs: LogsSettings) -> Result<Stage> {
    let mut config = Config::default();
    config.set(logs);
    let stand = Stand::of(Role::Logs, db, hearth_logs::mount, config, Quota::default()).await?;
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
    let viewer = stand.member(id, &tool, Access::Read)?;
    let jobs = stand.service(Role::Jobs)?;
    Ok(Stage { stand, id, tool, job: "web".parse()?, viewer, jobs })
}

/// Little room, for tests of bounds.
pub fn little(tool_size: u64, hour_size: u64) -> LogsSettings {
    LogsSettings {
        tool_size: Memory::bytes(tool_size),
        hour_size: Memory::bytes(hour_size),
        ..LogsSettings::default()
    }
}

/// Lines with these sequences, each a second after the one before.
pub fn lines(sequences: std::ops::RangeInclusive<u64>) -> Vec<LogsLine> {
    sequences.map(|number| line(number, &format!("line {number}"))).collect()
}

pub fn line(sequence: u64, text: &str) -> LogsLine {
    let time = noon() + SignedDuration::from_secs(i64::try_from(sequence.min(1 << 30)).unwrap());
    LogsLine { sequence, time, stream: LogsStream::Out, partial: false, text: text.to_owned() }
}

impl Stage {
    pub fn source(&self) -> LogsSource {
        LogsSource {
            tool: self.id,
            of: LogsOf::Job(self.job.clone()),
            run: "run-1".to_owned(),
            instance: "web-1".to_owned(),
        }
    }

    /// The job writes lines; the sequence that is expected next.
    pub async fn write(&self, lines: Vec<LogsLine>) -> Result<u64> {
        self.hand_over(self.source(), lines, false).await
    }

    pub async fn hand_over(&self, source: LogsSource, lines: Vec<LogsLine>, complete: bool) -> Result<u64> {
        Ok(self.jobs.logs().append(&LogsBatch { source, lines, complete }).await?.next)
    }

    pub async fn list(&self, query: &LogsQuery) -> Result<LogsList> {
        Ok(self.viewer.logs().list(&self.tool, &self.job, query).await?.data)
    }

    /// All pages of a list.
    pub async fn all(&self, query: &LogsQuery) -> Result<Vec<LogsEntry>> {
        let mut page = self.list(query).await?;
        let mut all = page.logs;
        while let Some(next) = page.next {
            page = self.viewer.logs().next(&self.tool, &self.job, &next.url).await?.data;
            assert!(!page.logs.is_empty(), "a page that was named is never empty");
            all.extend(page.logs);
        }
        Ok(all)
    }
}

pub fn texts(entries: &[LogsEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.message.as_str()).collect()
}
