//! `hearth build logs [ID]`: what a build wrote; with `-f`, what it writes.

use hearth_base::{BuildId, Result};
use hearth_wire::builds::{BuildLogLine, BuildLogQuery};

use crate::{at_tool::AtTool, context::Context, ndjson::Lines};

/// What `hearth build logs` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The build; absent: the newest
    id: Option<BuildId>,
    /// Go on until the build is over
    #[arg(long, short)]
    follow: bool,
}

/// Prints it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let stream = cx.printer.stream_of::<BuildLogLine>()?;
    let Args { id, follow } = args;
    let at = cx.at_tool()?;
    let build = super::one(&at, id).await?;
    let mut log = Log::open(&at, build.build_id, follow).await?;
    while let Some(line) = cx.patiently("the build", log.next()).await? {
        stream.bare(&line, &line.line)?;
    }
    Ok(())
}

/// A build's log as it comes.
pub struct Log(Lines);

impl Log {
    /// Opens it; one that follows ends when the build does.
    pub async fn open(at: &AtTool<'_>, build: BuildId, follow: bool) -> Result<Self> {
        let query = BuildLogQuery { follow };
        let began = at.ask(at.client().builds().logs(at.name(), build, &query)).await?;
        Ok(Self(Lines::of(began)))
    }

    /// The next line.
    pub async fn next(&mut self) -> Result<Option<BuildLogLine>> {
        while let Some(line) = self.0.next().await? {
            if line.is_empty() {
                continue;
            }
            // The last line of a stream that broke off is a sentence under another key.
            return Ok(Some(serde_json::from_str(&line).unwrap_or(BuildLogLine { line })));
        }
        Ok(None)
    }
}
