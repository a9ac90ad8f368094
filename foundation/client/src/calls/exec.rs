//! Programs inside a job's container.

use hearth_base::{Error, JobName, Result, ToolName};
use hearth_wire::jobs::{EXEC_PROTOCOL, ExecDecoder, ExecFrame, ExecOpen, ExecQuery};
use http::{Method, StatusCode, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::jobs::JobsCalls;

/// Input side of the connection to a program.
#[derive(Debug)]
pub struct ExecInput(WriteHalf<TokioIo<Upgraded>>);

/// Output side of the connection to a program.
#[derive(Debug)]
pub struct ExecOutput {
    from: ReadHalf<TokioIo<Upgraded>>,
    decoder: ExecDecoder,
}

impl JobsCalls<'_> {
    /// Starts a program in a container of a job, and returns both directions of its streams, to be used
    /// concurrently. The query may wait for a running container. The call needs a connection: it does not
    /// work within one process.
    ///
    /// Send [`ExecFrame::Data`], [`ExecFrame::Close`] at the end of the input, and [`ExecFrame::Resize`] when
    /// the terminal changes its size; read until [`ExecFrame::Ended`]. With a terminal, put the local one
    /// into raw mode first: bytes such as Ctrl-C then travel as data, and the remote terminal acts on them.
    /// Dropping both sides ends the program.
    pub async fn exec(
        &self,
        tool: &ToolName,
        job: &JobName,
        open: ExecOpen,
        query: &ExecQuery,
    ) -> Result<(ExecInput, ExecOutput)> {
        let call = self.job_call(Method::POST, tool, job).path_suffix("/exec").query(query);
        let call = call.header(header::CONNECTION, "upgrade").header(header::UPGRADE, EXEC_PROTOCOL);
        let response = call.send_streaming().await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(build_upgrade_error());
        }
        let upgraded =
            hyper::upgrade::on(response).await.map_err(|cause| build_upgrade_error().with_cause(cause))?;
        let (from, to) = tokio::io::split(TokioIo::new(upgraded));
        let mut input = ExecInput(to);
        let mut output = ExecOutput { from, decoder: ExecDecoder::default() };
        input.send(&ExecFrame::Open(open)).await?;
        match output.next().await? {
            Some(ExecFrame::Started) => Ok((input, output)),
            Some(ExecFrame::Ended(end)) => {
                let reason = end.reason.unwrap_or_else(|| "the program ended at once".to_owned());
                Err(Error::conflict("exec-refused", reason).help("hearth jobs show"))
            }
            _ => Err(build_connection_error()),
        }
    }
}

impl ExecInput {
    /// Sends a frame.
    pub async fn send(&mut self, frame: &ExecFrame) -> Result<()> {
        self.0
            .write_all(&frame.encode())
            .await
            .map_err(|cause| build_connection_error().with_cause(cause))?;
        self.0.flush().await.map_err(|cause| build_connection_error().with_cause(cause))
    }
}

impl ExecOutput {
    /// Returns the next frame; `None` when the connection ended without one.
    pub async fn next(&mut self) -> Result<Option<ExecFrame>> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Some(frame));
            }
            let mut piece = vec![0; 16 << 10];
            match self
                .from
                .read(&mut piece)
                .await
                .map_err(|cause| build_connection_error().with_cause(cause))?
            {
                0 => return Ok(None),
                read => self.decoder.push(&piece[..read]),
            }
        }
    }
}

fn build_upgrade_error() -> Error {
    Error::unavailable("exec-connection", "the server did not open a connection to a program")
        .help("check that no proxy on the way removes Upgrade headers")
}

fn build_connection_error() -> Error {
    Error::unavailable("exec-broken", "the connection to the program broke").help("try again")
}
