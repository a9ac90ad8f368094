//! What a step's run writes: into the build's log, but for what is meant for Hearth.

use async_trait::async_trait;
use hearth_base::Result;
use hearth_runtime_api::{End, LogLine, LogPage, Outcome, RunId};
use hearth_runtime_controller::LogSink;

use super::{
    Make,
    failure::{self, Failure},
};

/// Takes out what is meant for Hearth: whether a line was.
pub type Sift<'a> = &'a mut (dyn FnMut(&LogLine) -> bool + Send);

/// The reader of one step's lines.
struct Tail<'a> {
    make: &'a Make<'a>,
    step: &'static str,
    sift: Sift<'a>,
    last: failure::Last,
}

#[async_trait]
impl LogSink for Tail<'_> {
    async fn store_page(&mut self, page: LogPage) -> Result<()> {
        if page.lines.is_empty() {
            return Ok(());
        }
        let rest: Vec<_> = page.lines.into_iter().filter(|line| !(self.sift)(line)).collect();
        self.last.take(&rest);
        self.make.log.lines(self.step, rest).await
    }
}

/// Follows a step's run to its end. `doing` says in failures what was under way, and `meant` what a status means.
pub async fn follow(
    make: &Make<'_>,
    run: RunId,
    step: &'static str,
    doing: &str,
    meant: &[(i32, &str)],
    sift: Sift<'_>,
) -> Result<(), Failure> {
    let mut tail = Tail { make, step, sift, last: failure::Last::default() };
    let outcome: Outcome = make.runs.follow_run(run, &mut tail).await?;
    let last = tail.last;
    make.log.complete(step).await?;
    let known = meant.iter().find(|(code, _)| outcome.end == End::Exited { code: *code } && !outcome.stopped);
    match known {
        Some((_, meaning)) => Err(Failure::Source(format!("{meaning}\n{}", last.lines().join("\n")))),
        None => failure::of(make.cx, &outcome, doing, last.lines()).map_or(Ok(()), Err),
    }
}

/// Reads nothing.
pub struct Unread;

#[async_trait]
impl LogSink for Unread {
    async fn store_page(&mut self, _: LogPage) -> Result<()> {
        Ok(())
    }
}
