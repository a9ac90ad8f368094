//! Following of logs: prints lines as they arrive, and what is written of a line before it ends.

use std::time::{Duration, Instant};

use hearth_base::{Error, ErrorKind, JobName, Result};
use hearth_client::Body;
use hearth_wire::logs::{LogsEntry, LogsQuery, LogsStream, LogsStreamEnd};
use http::Response;

use super::format_entry;
use crate::{
    job_calls::{fetch_job, send_about_job},
    ndjson::LineReader,
    printer::{LinePiece, StreamOutput},
    tool_session::ToolSession,
};

/// The pause before a request is sent again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// The longest time without an answer of the server after which following ends with an error: a restart of the
/// server is shorter.
const MAX_OUTAGE: Duration = Duration::from_secs(120);

/// The code of the error after a stream that the server ended for good.
const STREAM_ENDED_CODE: &str = "stream-ended";

/// The state of a followed log.
pub struct LogFollow<'a> {
    session: &'a ToolSession<'a>,
    job: Option<&'a JobName>,
    query: LogsQuery,
    screen: FollowScreen<'a>,
}

impl<'a> LogFollow<'a> {
    /// Prepares to follow the log of a job, or of all jobs.
    pub fn new(
        session: &'a ToolSession<'a>,
        job: Option<&'a JobName>,
        query: LogsQuery,
        output: StreamOutput<'a, LogsEntry>,
    ) -> Self {
        Self { session, job, query, screen: FollowScreen { output, names_jobs: job.is_none(), open: None } }
    }

    /// Prints lines until the server ends the log. Waits for the first line of a job that has written nothing
    /// yet. Continues at the last line after an interruption, as long as the server comes back in time.
    pub async fn run(mut self) -> Result<()> {
        let mut response = self.open_first_stream().await?;
        let mut last_answer = Instant::now();
        loop {
            match self.print_stream(response, &mut last_answer).await {
                Ok(()) => {}
                Err(error) if is_outage(&error) => pause_during_outage(last_answer, error, self.job).await?,
                Err(error) => return Err(error),
            }
            response = self.reopen_stream(&mut last_answer).await?;
        }
    }

    /// Opens the stream, as soon as the log exists.
    async fn open_first_stream(&self) -> Result<Response<Body>> {
        let logs = self.session.client().logs();
        let Some(job) = self.job else {
            let request = logs.stream_lines(self.session.tool_name(), self.job, &self.query);
            return self.session.send(request).await;
        };
        loop {
            let request = logs.stream_lines(self.session.tool_name(), Some(job), &self.query);
            let refused = match send_about_job(self.session, job, request).await {
                Err(error) if error.code() == "no-such-log" => error,
                opened => return opened,
            };
            // A job that exists and writes to the log will have one.
            match fetch_job(self.session, job).await {
                Ok(job) if job.filelog == Some(true) => return Err(refused),
                Ok(_) => tokio::time::sleep(RETRY_PAUSE).await,
                Err(_) => return Err(refused),
            }
        }
    }

    /// Opens the stream again after the last printed line, once the server answers.
    async fn reopen_stream(&self, last_answer: &mut Instant) -> Result<Response<Body>> {
        let logs = self.session.client().logs();
        loop {
            let request = logs.stream_lines(self.session.tool_name(), self.job, &self.query);
            match self.session.send(request).await {
                Err(error) if is_outage(&error) => pause_during_outage(*last_answer, error, self.job).await?,
                Err(error) => return Err(error.help(follow_command(self.job))),
                Ok(opened) => {
                    *last_answer = Instant::now();
                    return Ok(opened);
                }
            }
        }
    }

    /// Prints the entries of one response, and moves the cursor behind each.
    async fn print_stream(&mut self, response: Response<Body>, last_answer: &mut Instant) -> Result<()> {
        let mut lines = LineReader::from_response(response);
        while let Some(line) = lines.next().await? {
            if line.is_empty() {
                continue;
            }
            let line = StreamLine::parse(&line)?;
            *last_answer = Instant::now();
            match line {
                StreamLine::Entry(entry) => {
                    self.screen.show_entry(&entry)?;
                    self.query.cursor = Some(entry.cursor);
                }
                StreamLine::End(end) => {
                    self.query.cursor = end.cursor.or(self.query.cursor.take());
                    if end.code != "stream-over" {
                        self.screen.end_open_line()?;
                        let error = Error::unavailable(STREAM_ENDED_CODE, end.message);
                        return Err(error.help(follow_command(self.job)));
                    }
                    return Ok(());
                }
            }
        }
        Err(Error::unavailable("response-incomplete", "the server closed the stream of log lines"))
    }
}

/// Waits before the next attempt; the error once the server has not answered for too long.
async fn pause_during_outage(last_answer: Instant, error: Error, job: Option<&JobName>) -> Result<()> {
    if last_answer.elapsed() >= MAX_OUTAGE {
        return Err(error.help(follow_command(job)));
    }
    tokio::time::sleep(RETRY_PAUSE).await;
    Ok(())
}

/// Returns whether an error means that the server, or the network to it, does not answer for the moment.
fn is_outage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) && error.code() != STREAM_ENDED_CODE
}

/// Returns the command that follows the logs again.
fn follow_command(job: Option<&JobName>) -> String {
    job.map_or_else(|| "hearth logs -f --all".to_owned(), |job| format!("hearth logs -f {job}"))
}

/// The printed lines, of which the last one may still be open: its program has not ended it.
struct FollowScreen<'a> {
    output: StreamOutput<'a, LogsEntry>,
    names_jobs: bool,
    /// Container and stream of the open line.
    open: Option<(String, LogsStream)>,
}

impl FollowScreen<'_> {
    /// Prints an entry at once, also a piece of a line: the program may never end it.
    fn show_entry(&mut self, entry: &LogsEntry) -> Result<()> {
        let key = (entry.pod.clone(), entry.stream);
        let continues = self.open.as_ref() == Some(&key);
        let whole = format_entry(entry, self.names_jobs);
        let piece = LinePiece {
            interrupts: self.open.is_some() && !continues,
            time: (!continues).then_some(entry.datetime),
            text: if continues { &entry.message } else { &whole },
            is_last: !entry.partial,
        };
        self.open = entry.partial.then_some(key);
        self.output.print_piece(entry, &piece)
    }

    /// Ends the open line.
    fn end_open_line(&mut self) -> Result<()> {
        if self.open.take().is_some() { self.output.end_line() } else { Ok(()) }
    }
}

/// A line of a stream.
enum StreamLine {
    Entry(Box<LogsEntry>),
    End(LogsStreamEnd),
}

impl StreamLine {
    fn parse(line: &str) -> Result<Self> {
        if let Ok(entry) = serde_json::from_str(line) {
            return Ok(Self::Entry(Box::new(entry)));
        }
        serde_json::from_str(line).map(Self::End).map_err(|cause| {
            Error::unavailable("invalid-response", "a line of the log stream is not valid").with_cause(cause)
        })
    }
}
