//! A program's streams through the socket, from either side.

use hearth_base::Result;
use tokio::{
    net::UnixStream,
    sync::mpsc::{Receiver, Sender},
};

use crate::{ExecInput, ExecOutput, ExecSession};

use super::{
    call::{FromProgram, ToProgram},
    frame::{self, Kind},
};

/// The server's side: between a session and the caller, until the program ends or the caller leaves.
pub async fn serve(stream: &mut UnixStream, mut session: ExecSession) -> Result<()> {
    let (input, output) = (session.input.clone(), &mut session.output);
    let (mut from, mut to) = stream.split();
    let inward = async {
        while let Some(frame) = frame::read(&mut from).await? {
            let said = match frame {
                (Kind::Json, payload) => match frame::parse(&payload)? {
                    ToProgram::Close => ExecInput::Close,
                    ToProgram::Resize(size) => ExecInput::Resize(size),
                },
                (Kind::Bytes | Kind::Errors, payload) => ExecInput::Data(payload),
            };
            // A program that no longer reads is no reason to stop listening to it.
            let _ = input.send(said).await;
        }
        Ok(())
    };
    let outward = async {
        while let Some(said) = output.recv().await {
            match said {
                ExecOutput::Out(bytes) => frame::write(&mut to, Kind::Bytes, &bytes).await?,
                ExecOutput::Err(bytes) => frame::write(&mut to, Kind::Errors, &bytes).await?,
                ExecOutput::Ended(end) => return frame::write_json(&mut to, &FromProgram::Ended(end)).await,
            }
        }
        Ok(())
    };
    tokio::select! {
        done = inward => done,
        done = outward => done,
    }
}

/// The caller's side: between the socket and a session's far ends.
pub async fn call(mut stream: UnixStream, mut inputs: Receiver<ExecInput>, outputs: Sender<ExecOutput>) {
    let (mut from, mut to) = stream.split();
    let outward = async {
        let sent: Result<()> = async {
            while let Some(said) = inputs.recv().await {
                match said {
                    ExecInput::Data(bytes) => frame::write(&mut to, Kind::Bytes, &bytes).await?,
                    ExecInput::Close => frame::write_json(&mut to, &ToProgram::Close).await?,
                    ExecInput::Resize(size) => frame::write_json(&mut to, &ToProgram::Resize(size)).await?,
                }
            }
            // The caller has dropped its input and goes on reading.
            frame::write_json(&mut to, &ToProgram::Close).await
        }
        .await;
        // A program that is over takes no input; what it said before is still to be read.
        drop(sent);
        std::future::pending::<Result<()>>().await
    };
    let inward = async {
        while let Some(frame) = frame::read(&mut from).await? {
            let said = match frame {
                (Kind::Bytes, bytes) => ExecOutput::Out(bytes),
                (Kind::Errors, bytes) => ExecOutput::Err(bytes),
                (Kind::Json, payload) => {
                    let FromProgram::Ended(end) = frame::parse(&payload)?;
                    ExecOutput::Ended(end)
                }
            };
            if outputs.send(said).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    // A broken connection shows as the end of the output, which `finish` reads as lost.
    let _: Result<()> = tokio::select! {
        done = outward => done,
        done = inward => done,
        () = outputs.closed() => Ok(()),
    };
}
