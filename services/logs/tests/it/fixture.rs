//! A fixture: the service, a tool with a job, and clients.

use hearth_base::{Access, Entropy, JobName, Memory, Result, Role, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_logs::LogsSettings;
use hearth_testkit::ServiceStand;
use hearth_wire::{
    logs::{
        LogsEntry, LogsList, LogsQuery, LogsStream,
        internal::{LogsBatch, LogsLine, LogsOwner, LogsSource},
    },
    tools::Quota,
};
use jiff::{SignedDuration, Timestamp};

/// Returns the start time of the fixture's clock.
pub fn start_time() -> Timestamp {
    "2026-05-04T12:00:00Z".parse().unwrap()
}

/// The service, a tool with a job, and clients.
pub struct LogsFixture {
    pub stand: ServiceStand,
    pub id: ToolId,
    pub tool: ToolName,
    pub job: JobName,
    pub viewer: Client,
    pub jobs: Client,
}

pub async fn start_logs(db: Db) -> Result<LogsFixture> {
    start_logs_with(db, LogsSettings::default()).await
}

pub async fn start_logs_with(db: Db, logs: LogsSettings) -> Result<LogsFixture> {
    let mut config = HearthConfig::default();
    config.set_section(logs);
    let stand =
        ServiceStand::start_service(Role::Logs, db, hearth_logs::mount, config, Quota::default()).await?;
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
    let viewer = stand.member(id, &tool, Access::Read)?;
    let jobs = stand.service_client(Role::Jobs)?;
    Ok(LogsFixture { stand, id, tool, job: "web".parse()?, viewer, jobs })
}

/// Builds settings with small limits.
pub fn build_small_limits(tool_size: u64, hour_size: u64) -> LogsSettings {
    LogsSettings {
        tool_size: Memory::from_bytes(tool_size),
        hour_size: Memory::from_bytes(hour_size),
        ..LogsSettings::default()
    }
}

/// Builds lines with these sequences, one second apart.
pub fn build_lines(sequences: std::ops::RangeInclusive<u64>) -> Vec<LogsLine> {
    sequences.map(|number| build_line(number, &format!("line {number}"))).collect()
}

pub fn build_line(sequence: u64, text: &str) -> LogsLine {
    let time = start_time() + SignedDuration::from_secs(i64::try_from(sequence.min(1 << 30)).unwrap());
    LogsLine { sequence, time, stream: LogsStream::Out, partial: false, text: text.to_owned() }
}

impl LogsFixture {
    pub fn build_source(&self) -> LogsSource {
        LogsSource {
            tool: self.id,
            of: LogsOwner::Job(self.job.clone()),
            run: "run-1".to_owned(),
            instance: "web-1".to_owned(),
        }
    }

    /// Appends lines of the job. Returns the next expected sequence.
    pub async fn write_lines(&self, lines: Vec<LogsLine>) -> Result<u64> {
        self.append_lines(self.build_source(), lines, false).await
    }

    pub async fn append_lines(
        &self,
        source: LogsSource,
        lines: Vec<LogsLine>,
        complete: bool,
    ) -> Result<u64> {
        Ok(self.jobs.logs().append(&LogsBatch { source, lines, complete }).await?.next)
    }

    pub async fn list(&self, query: &LogsQuery) -> Result<LogsList> {
        Ok(self.viewer.logs().list(&self.tool, &self.job, query).await?.data)
    }

    /// Lists the lines of all pages.
    pub async fn list_all(&self, query: &LogsQuery) -> Result<Vec<LogsEntry>> {
        let mut page = self.list(query).await?;
        let mut all = page.logs;
        while let Some(next) = page.next {
            page = self.viewer.logs().next_page(&self.tool, &self.job, &next.url).await?.data;
            assert!(!page.logs.is_empty(), "a next page is never empty");
            all.extend(page.logs);
        }
        Ok(all)
    }
}

pub fn list_texts(entries: &[LogsEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.message.as_str()).collect()
}
