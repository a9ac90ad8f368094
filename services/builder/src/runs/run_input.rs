//! Input of runs: streams an archive to the standard input of a second process in the container. Thus no secret
//! is in an argument or in the environment, and the size is not limited.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use hearth_base::{Error, Result};
use hearth_client::BoxError;
use hearth_runtime_api::{
    ExecInput, ExecOutput, ExecRequest, InstanceId, Process, RunId, Runtime, Termination,
};

/// Maximum time for the process to accept one chunk.
const INPUT_TIMEOUT: Duration = Duration::from_secs(60);
/// Maximum length of the process's output in an error, in characters.
const MAX_OUTPUT_CHARS: usize = 2000;

/// Builds a tar archive of small files.
pub fn build_archive(files: &[(&str, Vec<u8>)]) -> Result<Vec<u8>> {
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

/// Streams `content` to a process in a run, and waits until the process has ended with status 0.
pub async fn stream_to_run<S, E>(
    runtime: &dyn Runtime,
    run: RunId,
    process: Process,
    content: S,
) -> Result<()>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError>,
{
    let exec = ExecRequest { instance: InstanceId::from_run(run), process, terminal: None };
    let mut session = runtime.exec(exec).await?;
    let mut content = std::pin::pin!(content);
    let mut is_open = true;
    let mut output_text = String::new();
    loop {
        let next = async { if is_open { content.next().await } else { std::future::pending().await } };
        tokio::select! {
            biased;
            output = session.output.recv() => match output {
                Some(ExecOutput::Ended(Termination::Exited { code: 0 })) => return Ok(()),
                Some(ExecOutput::Ended(_)) | None => return Err(build_unpack_error(&output_text)),
                Some(ExecOutput::Out(bytes) | ExecOutput::Err(bytes)) => {
                    output_text.extend(String::from_utf8_lossy(&bytes).chars().take(MAX_OUTPUT_CHARS.saturating_sub(output_text.len())));
                }
            },
            piece = next => {
                let input = match piece {
                    Some(piece) => ExecInput::Data(piece.map_err(build_upload_error)?.to_vec()),
                    None => ExecInput::Close,
                };
                is_open = input != ExecInput::Close;
                let sent = tokio::time::timeout(INPUT_TIMEOUT, session.input.send(input)).await;
                // A send error means that the process has ended; the next turn of the loop receives its end.
                sent.map_err(|_| build_unpack_error("it does not read its input")).map(drop)?;
            }
        }
    }
}

fn build_upload_error(cause: impl Into<BoxError>) -> Error {
    Error::unavailable("source-broken", "the uploaded archive could not be read completely")
        .with_cause(cause.into())
}

fn build_unpack_error(output_text: &str) -> Error {
    let output_text = output_text.trim();
    let reason = if output_text.is_empty() { "it ended early" } else { output_text };
    Error::invalid("not-unpacked", format!("the archive could not be unpacked: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_contains_all_files() {
        let bytes =
            build_archive(&[("Containerfile", b"FROM x\n".to_vec()), ("ca.crt", vec![7; 300_000])]).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let sizes: Vec<_> = archive.entries().unwrap().map(|entry| entry.unwrap().size()).collect();
        assert_eq!(sizes, [7, 300_000]);
    }
}
