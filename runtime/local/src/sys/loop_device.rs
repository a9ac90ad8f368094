//! Loop devices: files as block devices (loop(4)).
#![expect(unsafe_code, reason = "the calls of loop devices have no safe form in the allowed crates")]

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::fd::{AsFd, AsRawFd},
    path::{Path, PathBuf},
};

use rustix::fs::MemfdFlags;

const CONTROL_DEVICE: &str = "/dev/loop-control";
// linux/loop.h
const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const LOOP_GET_STATUS64: libc::Ioctl = 0x4C05;
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

/// `struct loop_info64` of linux/loop.h; fields that are not read are joined.
#[repr(C)]
struct LoopInfo {
    device: u64,
    inode: u64,
    others: [u64; 27],
}

const _: () = assert!(size_of::<LoopInfo>() == 232);

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

    /// Finds the device that `file` is attached to. `path` is the file's path: devices whose file has another name are
    /// not opened. The folders of the path may differ, because of links.
    pub fn find_attached(file: &File, path: &Path) -> io::Result<Option<Self>> {
        let wanted = rustix::fs::fstat(file)?;
        for entry in fs::read_dir("/sys/block")? {
            let entry = entry?;
            // Only attached devices have this file.
            let Ok(backing) = fs::read_to_string(entry.path().join("loop/backing_file")) else { continue };
            if Path::new(backing.trim_end()).file_name() != path.file_name() {
                continue;
            }
            let path = Path::new("/dev").join(entry.file_name());
            let device = OpenOptions::new().read(true).write(true).open(&path)?;
            // The device is compared after it is open: until then it may be detached and attached to another file.
            if read_info(&device)
                .is_ok_and(|info| (info.device, info.inode) == (wanted.st_dev, wanted.st_ino))
            {
                return Ok(Some(Self { path, _device: device }));
            }
        }
        Ok(None)
    }
}

fn read_info(device: &File) -> io::Result<LoopInfo> {
    let mut info = LoopInfo { device: 0, inode: 0, others: [0; 27] };
    // SAFETY: the kernel writes the 232 bytes of `info`.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_GET_STATUS64, &raw mut info) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(info) }
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
