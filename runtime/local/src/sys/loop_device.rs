//! Loop devices: files as block devices (loop(4)).
#![expect(unsafe_code, reason = "the calls of loop devices have no safe form in the allowed crates")]

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::{AsFd, AsRawFd},
    path::PathBuf,
};

use rustix::fs::MemfdFlags;

const CONTROL_DEVICE: &str = "/dev/loop-control";
// linux/loop.h
const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// Maximum number of attempts when other programs take the free device first.
const MAX_ATTACH_ATTEMPTS: u32 = 1000;

/// `struct loop_config` of linux/loop.h; fields that stay 0 are joined.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    before_flags: [u8; 52],
    flags: u32,
    after_flags: [u8; 240],
}

const _: () = assert!(size_of::<LoopConfig>() == 304);

/// Loop device attached to a file. The kernel detaches it when it is no longer open or mounted (autoclear),
/// even if this process dies.
pub struct LoopDevice {
    pub path: PathBuf,
    /// Keeps the device attached until it is mounted.
    _device: File,
}

impl LoopDevice {
    /// Attaches a free device to `file`, which must be open for reading and writing.
    pub fn attach_file(file: impl AsFd) -> io::Result<Self> {
        let control = File::open(CONTROL_DEVICE)?;
        for _ in 0..MAX_ATTACH_ATTEMPTS {
            let path = PathBuf::from(format!("/dev/loop{}", find_free_number(&control)?));
            let device = OpenOptions::new().read(true).write(true).open(&path)?;
            match configure_device(&device, &file) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
                done => return done.map(|()| Self { path, _device: device }),
            }
        }
        Err(io::Error::other("other programs take every free loop device"))
    }
}

/// Checks that this host has loop devices.
pub fn check_supported() -> io::Result<()> {
    let file = rustix::fs::memfd_create("hearth-disk", MemfdFlags::CLOEXEC)?;
    rustix::fs::ftruncate(&file, 1 << 20)?;
    LoopDevice::attach_file(file).map(drop)
}

/// Finds the number of a free device.
fn find_free_number(control: &File) -> io::Result<i32> {
    // SAFETY: the call takes no argument.
    let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) };
    if number < 0 { Err(io::Error::last_os_error()) } else { Ok(number) }
}

fn configure_device(device: &File, file: &impl AsFd) -> io::Result<()> {
    let config = LoopConfig {
        fd: file.as_fd().as_raw_fd().cast_unsigned(),
        block_size: 0,
        before_flags: [0; 52],
        flags: LO_FLAGS_AUTOCLEAR,
        after_flags: [0; 240],
    };
    // SAFETY: the kernel reads the 304 bytes of `config`.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
