//! File sessions of the runtime: one request, its input and its reply.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use hearth_base::{Error, Result};
use hearth_kit::guard::MemberCaller;
use hearth_runtime_api::{
    ContainerUser, ExecInput, ExecOutput, ExecSession, FileFailure, FileProtocol, FileReply, FileRequest,
    FileSession, MountSource,
};

use crate::{
    context::StorageContext,
    session_permits::{SessionHolder, SessionPermit},
};

/// Maximum size of a reply's line: the longest listing has 10,000 entries.
const MAX_REPLY_BYTES: usize = 32 << 20;
/// Bytes of one message to the session.
const INPUT_CHUNK_BYTES: usize = 64 << 10;

/// A session with its permit.
pub struct OpenSession {
    session: ExecSession,
    permit: SessionPermit,
}

/// Opens a session for one request.
pub async fn open_session(
    cx: &StorageContext,
    caller: &MemberCaller,
    request: FileRequest,
) -> Result<OpenSession> {
    request.check()?;
    check_subject(&request)?;
    let tool = caller.id;
    let permit = cx.permits.acquire_permit(find_holder(cx, caller).await?, tool).await?;
    // After the wait for the permit, in which the tool may have been deleted. The runtime makes a home at its first
    // change only.
    if request.is_change() {
        cx.store.record_home(tool).await?;
    }
    let session = FileSession {
        owner: tool.into(),
        root: MountSource::Home,
        read_only: !request.is_change(),
        user: ContainerUser::default(),
        protocol: FileProtocol::Request(request),
    };
    Ok(OpenSession { session: cx.runtime.open_files(session).await?, permit })
}

/// Finds for whom a session counts. The tokens of all tools of a person count for that person.
async fn find_holder(cx: &StorageContext, caller: &MemberCaller) -> Result<SessionHolder> {
    let person = match caller.user {
        Some(user) => Some(user),
        None => cx.accounts.accounts_internal().show_tool_facts(caller.id).await?.owner,
    };
    Ok(person.map_or(SessionHolder::Tool(caller.id), SessionHolder::Person))
}

/// Refuses a change or a read of the home itself, which is a folder.
fn check_subject(request: &FileRequest) -> Result<()> {
    let needs_path = request.is_change() || matches!(request, FileRequest::Read { .. });
    if needs_path && request.requested_path().trim_matches('/').is_empty() {
        return Err(Error::invalid("file-path", "the request names no file").help("add the parameter path"));
    }
    Ok(())
}

impl OpenSession {
    /// Sends the content of a file. A failed read of the content ends it early, and the file stays as it was.
    pub async fn send_content<S, E>(&self, content: S) -> Result<()>
    where
        S: Stream<Item = std::result::Result<Bytes, E>>,
    {
        let mut content = std::pin::pin!(content);
        while let Some(Ok(chunk)) = content.next().await {
            for piece in chunk.chunks(INPUT_CHUNK_BYTES) {
                if self.session.input.send(ExecInput::Data(piece.to_vec())).await.is_err() {
                    // The process has ended: its reply says why.
                    return Ok(());
                }
            }
        }
        let _ended_meanwhile = self.session.input.send(ExecInput::Close).await;
        Ok(())
    }

    /// Reads the reply. A failed request is an error.
    pub async fn read_reply(mut self) -> Result<(FileReply, FileContent)> {
        let mut line = Vec::new();
        while let Some(output) = self.session.output.recv().await {
            match output {
                ExecOutput::Out(bytes) => line.extend(bytes),
                ExecOutput::Err(_) => {}
                ExecOutput::Ended(_) => break,
            }
            if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
                let rest = line.split_off(end + 1);
                return match serde_json::from_slice(&line).map_err(Error::internal)? {
                    FileReply::Failed(failure) => Err(explain_failure(failure)),
                    reply => Ok((reply, FileContent { session: self, first: rest })),
                };
            }
            if line.len() > MAX_REPLY_BYTES {
                return Err(Error::internal("reply of the file process is too large"));
            }
        }
        Err(Error::unavailable("files-unavailable", "the files of the tool cannot be read at present")
            .help("try again in a moment"))
    }
}

/// Converts a failed request to its error, with the next step.
fn explain_failure(failure: FileFailure) -> Error {
    let error = Error::from(failure);
    let help = match error.code() {
        "no-such-file" | "is-folder" | "not-a-folder" | "not-a-file" => "hearth files list",
        "folder-not-empty" => "hearth files delete --recursive FOLDER",
        "home-full" => "hearth files usage",
        "file-path" => "use a shorter path, without links that lead to themselves",
        "file-denied" => "hearth shell, and change the mode of the file there",
        "upload-incomplete" => "send the file again",
        _ => return error,
    };
    error.help(help)
}

/// The content behind a reply.
pub struct FileContent {
    session: OpenSession,
    first: Vec<u8>,
}

impl FileContent {
    /// Streams the content, which has `size` bytes. A content that ends early ends with an error, so that the
    /// client notices.
    pub fn into_stream(self, size: u64) -> impl Stream<Item = Result<Bytes>> + Send {
        let Self { session, first } = self;
        let OpenSession { session, permit } = session;
        let state = (session, permit, Some(first), size);
        futures::stream::unfold(Some(state), move |state| async move {
            let (mut session, permit, first, left) = state?;
            if left == 0 {
                return None;
            }
            let bytes = match first.filter(|first| !first.is_empty()) {
                Some(first) => first,
                None => loop {
                    match session.output.recv().await {
                        Some(ExecOutput::Out(bytes)) => break bytes,
                        Some(ExecOutput::Err(_)) => {}
                        Some(ExecOutput::Ended(_)) | None => {
                            let error = Error::unavailable("file-incomplete", "the file ended early");
                            return Some((Err(error), None));
                        }
                    }
                },
            };
            let left = left.saturating_sub(bytes.len() as u64);
            Some((Ok(Bytes::from(bytes)), Some((session, permit, None, left))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_that_a_user_can_correct_has_a_next_step() {
        let explain = |code: &str| {
            let failure = FileFailure { code: code.to_owned(), message: "data/x: it failed".to_owned() };
            explain_failure(failure).help_text().map(str::to_owned)
        };
        for code in ["no-such-file", "is-folder", "not-a-folder", "not-a-file"] {
            assert_eq!(explain(code).as_deref(), Some("hearth files list"), "{code}");
        }
        for code in ["folder-not-empty", "home-full", "file-path", "file-denied", "upload-incomplete"] {
            assert!(explain(code).is_some(), "{code}");
        }
        assert_eq!(explain("file-failed"), None);
    }
}
