//! Return of a mounted file system's free space to its device (ioctl FITRIM, as fstrim(8)).
#![expect(unsafe_code, reason = "the call has no safe form in the allowed crates")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
};

use hearth_base::Memory;

/// The request `FITRIM`: `_IOWR('X', 121, struct fstrim_range)` of linux/fs.h.
const TRIM_REQUEST: libc::Ioctl = 0xC018_5879_u32 as libc::Ioctl;

/// `struct fstrim_range` of linux/fs.h.
#[repr(C)]
struct TrimRange {
    start: u64,
    length: u64,
    min_extent: u64,
}

const _: () = assert!(size_of::<TrimRange>() == 24);

/// Discards all free extents of at least `min_extent` of the file system that the folder `top` is in.
pub fn trim_free_space(top: &impl AsFd, min_extent: Memory) -> io::Result<()> {
    let mut range = TrimRange { start: 0, length: u64::MAX, min_extent: min_extent.get() };
    // SAFETY: the kernel reads and writes the 24 bytes of `range`.
    let done = unsafe { libc::ioctl(top.as_fd().as_raw_fd(), TRIM_REQUEST, &raw mut range) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
