//! Waiting until a descriptor can be read, in the runtime's process.
#![expect(unsafe_code, reason = "tokio asks for a promise that the descriptor stays the same")]

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use tokio::io::{Interest, unix::AsyncFd};

/// A descriptor that is waited for. One that names a process can be read when the process has ended.
pub struct Ready(AsyncFd<OwnedFd>);

impl Ready {
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        // SAFETY: an `OwnedFd` is the same open descriptor for all of its life, and nobody else can close it.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        Ok(Self(fd.map_err(io::Error::other)?))
    }

    /// Returns when there is something to read, or when nothing ever will be.
    pub async fn wait(&self) {
        // An error means that waiting is pointless, which callers find out by looking.
        let _ = self.0.readable().await;
    }

    /// Takes the next byte, or learns that there is none to come. The descriptor must not block.
    pub async fn next(&self) {
        while let Ok(mut ready) = self.0.readable().await {
            match rustix::io::read(self, &mut [0]) {
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                _ => return,
            }
        }
    }
}

impl AsFd for Ready {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
