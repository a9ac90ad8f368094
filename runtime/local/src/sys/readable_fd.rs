//! Asynchronous waiting for a readable descriptor, in the runtime process.
#![expect(unsafe_code, reason = "tokio requires a promise that the descriptor stays the same")]

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use tokio::io::{Interest, unix::AsyncFd};

/// Descriptor registered with tokio. A pidfd becomes readable when its process exits.
pub struct ReadableFd(AsyncFd<OwnedFd>);

impl ReadableFd {
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        // SAFETY: an `OwnedFd` is the same open descriptor for its whole life, and no other code can close
        // it.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        Ok(Self(fd.map_err(io::Error::other)?))
    }

    /// Waits until data is readable or the end of file is reached.
    pub async fn wait_until_readable(&self) {
        // On an error the caller checks the state itself.
        let _ = self.0.readable().await;
    }

    /// Reads and drops one byte, or returns at the end of file. The descriptor must be non-blocking.
    pub async fn read_byte(&self) {
        while let Ok(mut ready) = self.0.readable().await {
            match rustix::io::read(self, &mut [0]) {
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                _ => return,
            }
        }
    }
}

impl AsFd for ReadableFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
