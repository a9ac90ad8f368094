//! `hearth build logs [ID]`: prints the log of a build; `-f` follows it.

use hearth_base::{BuildId, Result};
use hearth_wire::builds::{BuildLogLine, BuildLogQuery};

use crate::{context::CommandContext, ndjson::LineReader, tool_session::ToolSession};

/// The arguments of `hearth build logs`.
#[derive(Debug, clap::Args)]
pub struct PrintBuildLogsArgs {
    /// The build; default: the newest
    id: Option<BuildId>,
    /// Follow the log until the build ends
    #[arg(long, short)]
    follow: bool,
}

/// Prints the log.
pub async fn run(cx: &CommandContext, args: PrintBuildLogsArgs) -> Result<()> {
    let stream = cx.printer.open_stream::<BuildLogLine>()?;
    let PrintBuildLogsArgs { id, follow } = args;
    let session = cx.open_tool_session()?;
    let build = super::find_build(&session, id).await?;
    let mut log = BuildLogReader::open(&session, build.build_id, follow).await?;
    while let Some(line) = cx.wait_with_notices("the build", log.next()).await? {
        stream.print_untimed_line(&line, &line.line)?;
    }
    Ok(())
}

/// Reads a build's log as a stream of lines.
pub struct BuildLogReader(LineReader);

impl BuildLogReader {
    /// Opens the log. With `follow`, it ends when the build ends.
    pub async fn open(session: &ToolSession<'_>, build: BuildId, follow: bool) -> Result<Self> {
        let query = BuildLogQuery { follow };
        let began =
            session.send(session.client().builds().stream_logs(session.tool_name(), build, &query)).await?;
        Ok(Self(LineReader::from_response(began)))
    }

    /// Returns the next line, or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<BuildLogLine>> {
        while let Some(line) = self.0.next().await? {
            if line.is_empty() {
                continue;
            }
            // When the server ends the stream early, the last line is an error object: it is shown as it is.
            return Ok(Some(serde_json::from_str(&line).unwrap_or(BuildLogLine { line })));
        }
        Ok(None)
    }
}
