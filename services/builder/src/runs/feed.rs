//! What a run needs from outside goes in as one archive through a second program's standard input: no secret is in
//! an argument or in the environment, and nothing is too long.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use hearth_base::{Error, Result};
use hearth_client::BoxError;
use hearth_runtime_api::{End, Exec, ExecInput, ExecOutput, InstanceId, Process, RunId, Runtime};

/// How long a run may take to swallow a piece.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most of what the program says that is repeated.
const SAID: usize = 2000;

/// An archive of small files.
pub fn archive(files: &[(&str, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, Path::new(name), content.as_slice()).map_err(Error::internal)?;
    }
    archive.into_inner().map_err(Error::internal)
}

/// Gives `content` to a program in a run, and waits until the program has ended well.
pub async fn feed<S, E>(runtime: &dyn Runtime, run: RunId, process: Process, content: S) -> Result<()>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError>,
{
    let exec = Exec { instance: InstanceId::of_run(run), process, terminal: None };
    let mut session = runtime.exec(exec).await?;
    let mut content = std::pin::pin!(content);
    let mut more = true;
    let mut said = String::new();
    loop {
        let next = async { if more { content.next().await } else { std::future::pending().await } };
        tokio::select! {
            biased;
            output = session.output.recv() => match output {
                Some(ExecOutput::Ended(End::Exited { code: 0 })) => return Ok(()),
                Some(ExecOutput::Ended(_)) | None => return Err(unfed(&said)),
                Some(ExecOutput::Out(bytes) | ExecOutput::Err(bytes)) => {
                    said.extend(String::from_utf8_lossy(&bytes).chars().take(SAID.saturating_sub(said.len())));
                }
            },
            piece = next => {
                let input = match piece {
                    Some(piece) => ExecInput::Data(piece.map_err(broken)?.to_vec()),
                    None => ExecInput::Close,
                };
                more = input != ExecInput::Close;
                let sent = tokio::time::timeout(PATIENCE, session.input.send(input)).await;
                // When the program has ended, its end is what is read next.
                sent.map_err(|_| unfed("it takes nothing in")).map(drop)?;
            }
        }
    }
}

fn broken(cause: impl Into<BoxError>) -> Error {
    Error::unavailable("source-broken", "the uploaded folder could not be read to its end")
        .because(cause.into())
}

fn unfed(said: &str) -> Error {
    let said = said.trim();
    let reason = if said.is_empty() { "it ended early" } else { said };
    Error::invalid("not-unpacked", format!("the archive could not be unpacked: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_holds_what_was_put_in() {
        let bytes =
            archive(&[("Containerfile", b"FROM x\n".to_vec()), ("ca.crt", vec![7; 300_000])]).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let sizes: Vec<_> = archive.entries().unwrap().map(|entry| entry.unwrap().size()).collect();
        assert_eq!(sizes, [7, 300_000]);
    }
}
