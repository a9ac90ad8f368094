//! Streams of a program over the socket, for both sides.

use hearth_base::Result;
use tokio::{
    net::UnixStream,
    sync::mpsc::{Receiver, Sender},
};

use crate::{ExecInput, ExecOutput, ExecSession};

use super::{
    call::{ProgramInput, ProgramOutput},
    frame::{self, FrameKind},
};

/// Server side: relays between a session and the client until the program ends or the client disconnects.
pub async fn relay_server(stream: &mut UnixStream, mut session: ExecSession) -> Result<()> {
    let (input, output) = (session.input.clone(), &mut session.output);
    let (mut from, mut to) = stream.split();
    let inward = async {
        while let Some(frame) = frame::read_frame(&mut from).await? {
            let message = match frame {
                (FrameKind::Json, payload) => match frame::parse_json(&payload)? {
                    ProgramInput::Close => ExecInput::Close,
                    ProgramInput::Resize(size) => ExecInput::Resize(size),
                },
                (FrameKind::Bytes | FrameKind::Stderr, payload) => ExecInput::Data(payload),
            };
            // A program that has closed its input may still write output, so a failed send is ignored.
            let _ = input.send(message).await;
        }
        Ok(())
    };
    let outward = async {
        while let Some(message) = output.recv().await {
            match message {
                ExecOutput::Out(bytes) => frame::write_frame(&mut to, FrameKind::Bytes, &bytes).await?,
                ExecOutput::Err(bytes) => frame::write_frame(&mut to, FrameKind::Stderr, &bytes).await?,
                ExecOutput::Ended(end) => {
                    return frame::write_json(&mut to, &ProgramOutput::Ended(end)).await;
                }
            }
        }
        Ok(())
    };
    tokio::select! {
        done = inward => done,
        done = outward => done,
    }
}

/// Client side: relays between the socket and the serving ends of a session.
pub async fn relay_client(
    mut stream: UnixStream,
    mut inputs: Receiver<ExecInput>,
    outputs: Sender<ExecOutput>,
) {
    let (mut from, mut to) = stream.split();
    let outward = async {
        let sent: Result<()> = async {
            while let Some(message) = inputs.recv().await {
                match message {
                    ExecInput::Data(bytes) => frame::write_frame(&mut to, FrameKind::Bytes, &bytes).await?,
                    ExecInput::Close => frame::write_json(&mut to, &ProgramInput::Close).await?,
                    ExecInput::Resize(size) => {
                        frame::write_json(&mut to, &ProgramInput::Resize(size)).await?
                    }
                }
            }
            // The caller has dropped its input and may still read output.
            frame::write_json(&mut to, &ProgramInput::Close).await
        }
        .await;
        // A program that has ended takes no input, but its earlier output must still be read. So this branch
        // never ends.
        drop(sent);
        std::future::pending::<Result<()>>().await
    };
    let inward = async {
        while let Some(frame) = frame::read_frame(&mut from).await? {
            let message = match frame {
                (FrameKind::Bytes, bytes) => ExecOutput::Out(bytes),
                (FrameKind::Stderr, bytes) => ExecOutput::Err(bytes),
                (FrameKind::Json, payload) => {
                    let ProgramOutput::Ended(end) = frame::parse_json(&payload)?;
                    ExecOutput::Ended(end)
                }
            };
            if outputs.send(message).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    // A broken connection closes the output, which `ExecSession::collect_output` reports as lost.
    let _: Result<()> = tokio::select! {
        done = outward => done,
        done = inward => done,
        () = outputs.closed() => Ok(()),
    };
}
