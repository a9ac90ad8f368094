//! Files as block devices.
#![expect(unsafe_code, reason = "the calls of loop devices have no safe form in the kept crates")]

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::{AsFd, AsRawFd},
    path::PathBuf,
};

use rustix::fs::MemfdFlags;

const CONTROL: &str = "/dev/loop-control";
// linux/loop.h
const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// How often another program may take the device that was just found to be free.
const PATIENCE: u32 = 1000;

/// `struct loop_config` of linux/loop.h, with what is 0 here in one piece.
#[repr(C)]
struct Config {
    fd: u32,
    block_size: u32,
    before_flags: [u8; 52],
    flags: u32,
    after_flags: [u8; 240],
}

const _: () = assert!(size_of::<Config>() == 304);

/// A device whose blocks are a file's. It is given back when nothing has it open or mounted any more, whatever becomes
/// of this process.
pub struct Loop {
    pub path: PathBuf,
    /// Keeps it.
    _device: File,
}

impl Loop {
    /// Takes a device for `file`, which is open for reading and writing.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        let control = File::open(CONTROL)?;
        for _ in 0..PATIENCE {
            let path = PathBuf::from(format!("/dev/loop{}", free(&control)?));
            let device = OpenOptions::new().read(true).write(true).open(&path)?;
            match configure(&device, &file) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
                done => return done.map(|()| Self { path, _device: device }),
            }
        }
        Err(io::Error::other("other programs take each loop device that is free"))
    }
}

/// Whether this host has such devices.
pub fn usable() -> io::Result<()> {
    let file = rustix::fs::memfd_create("hearth-disk", MemfdFlags::CLOEXEC)?;
    rustix::fs::ftruncate(&file, 1 << 20)?;
    Loop::of(file).map(drop)
}

/// The number of a device that nobody has.
fn free(control: &File) -> io::Result<i32> {
    // SAFETY: the call takes no argument.
    let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) };
    if number < 0 { Err(io::Error::last_os_error()) } else { Ok(number) }
}

fn configure(device: &File, file: &impl AsFd) -> io::Result<()> {
    let config = Config {
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
