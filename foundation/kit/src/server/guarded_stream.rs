//! The stream of an accepted connection: it ends when the peer does not read, and when its connection is closed by
//! Hearth, also after an upgrade to another protocol. It counts as a connection until it is dropped.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

use super::{connections::ConnectionPermit, stall::StallTimer};

/// An accepted connection.
pub struct GuardedStream {
    stream: TcpStream,
    write_stall: StallTimer,
    close: Pin<Box<WaitForCancellationFutureOwned>>,
    closed: DropGuard,
    _permit: Arc<ConnectionPermit>,
}

impl GuardedStream {
    /// Guards `stream` by the limits of `permit`.
    pub fn new(stream: TcpStream, permit: Arc<ConnectionPermit>) -> Self {
        Self {
            stream,
            write_stall: StallTimer::new(permit.connection_limits().stall_timeout),
            close: Box::pin(permit.close_token().cancelled_owned()),
            closed: CancellationToken::new().drop_guard(),
            _permit: permit,
        }
    }

    /// A token that is cancelled when the stream is dropped.
    pub fn closed_token(&self) -> CancellationToken {
        self.closed.token().clone()
    }

    /// Passes a pending result on, unless the connection was closed.
    fn check_closed<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        match self.close.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Records the progress of a write, or waits for the peer.
    fn watch_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => self.write_stall.record_progress(bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if self.write_stall.poll_expired(cx).is_ready() {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                return self.check_closed(cx);
            }
        }
        written
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Pending => self.check_closed(cx),
            read => read,
        }
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
