//! One entry of a layer on the disk. Every step goes through a folder's descriptor and follows no link.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags},
    io::Errno,
};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const NEW: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What an entry is.
pub enum Kind {
    File,
    Folder,
    Symlink(Vec<u8>),
    /// A second name of the file at this path of the layer.
    Link(Vec<Vec<u8>>),
    Fifo,
}

/// A folder whose owner, mode and times are set when all else is done.
pub struct Folder {
    path: Vec<Vec<u8>>,
    meta: Meta,
}

struct Meta {
    uid: Uid,
    gid: Gid,
    mode: Mode,
    times: Timestamps,
}

impl Meta {
    fn of(header: &tar::Header) -> io::Result<Self> {
        let id = |id: u64| u32::try_from(id).ok().filter(|id| *id < 65_536);
        let wrong = || io::Error::other("an owner's number is not below 65536");
        let time = Timespec { tv_sec: i64::try_from(header.mtime()?).unwrap_or(0), tv_nsec: 0 };
        Ok(Self {
            uid: Uid::from_raw(id(header.uid()?).ok_or_else(wrong)?),
            gid: Gid::from_raw(id(header.gid()?).ok_or_else(wrong)?),
            mode: Mode::from_bits_truncate(header.mode()? & 0o7777),
            times: Timestamps { last_access: time, last_modification: time },
        })
    }

    /// The owner first: a change of owner clears setuid bits.
    fn apply(&self, file: impl AsFd) -> io::Result<()> {
        rustix::fs::fchown(&file, Some(self.uid), Some(self.gid))?;
        rustix::fs::fchmod(&file, self.mode)?;
        rustix::fs::futimens(&file, &self.times)?;
        Ok(())
    }
}

impl Folder {
    pub fn of(path: Vec<Vec<u8>>, header: &tar::Header) -> io::Result<Self> {
        Ok(Self { path, meta: Meta::of(header)? })
    }

    pub fn finish(&self) -> io::Result<()> {
        match open_folder(&self.path, false) {
            Ok(folder) => self.meta.apply(folder),
            // A later entry has taken its place.
            Err(_) => Ok(()),
        }
    }
}

/// Opens a folder of the layer; makes what is missing on the way, when `make` says so.
pub fn open_folder(path: &[Vec<u8>], make: bool) -> io::Result<OwnedFd> {
    let mut folder = rustix::fs::openat(CWD, "/", FOLDER, Mode::empty())?;
    for part in path {
        folder = match rustix::fs::openat(&folder, part.as_slice(), FOLDER, Mode::empty()) {
            Err(Errno::NOENT) if make => {
                rustix::fs::mkdirat(&folder, part.as_slice(), Mode::from_bits_truncate(0o755))?;
                rustix::fs::openat(&folder, part.as_slice(), FOLDER, Mode::empty())?
            }
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(io::Error::other("it lies behind something that is no folder of this layer"));
            }
            opened => opened?,
        };
    }
    Ok(folder)
}

/// Makes a folder, or keeps the one that is there.
pub fn make_folder(parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
    match rustix::fs::mkdirat(parent, name, Mode::from_bits_truncate(0o700)) {
        Err(Errno::EXIST) => {
            let there = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(there.st_mode) == FileType::Directory {
                return Ok(());
            }
            rustix::fs::unlinkat(parent, name, AtFlags::empty())?;
            Ok(rustix::fs::mkdirat(parent, name, Mode::from_bits_truncate(0o700))?)
        }
        made => Ok(made?),
    }
}

/// Makes anything but a folder, in place of what is there.
pub fn make(
    parent: &OwnedFd,
    name: &[u8],
    kind: &Kind,
    header: &tar::Header,
    content: &mut impl Read,
) -> io::Result<()> {
    make_room(parent, name)?;
    let meta = Meta::of(header)?;
    match kind {
        Kind::File => {
            let file = rustix::fs::openat(parent, name, NEW, Mode::from_bits_truncate(0o600))?;
            let mut file = File::from(file);
            io::copy(content, &mut file)?;
            meta.apply(&file)
        }
        Kind::Symlink(target) => {
            rustix::fs::symlinkat(target.as_slice(), parent, name)?;
            rustix::fs::chownat(parent, name, Some(meta.uid), Some(meta.gid), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(rustix::fs::utimensat(parent, name, &meta.times, AtFlags::SYMLINK_NOFOLLOW)?)
        }
        Kind::Link(path) => {
            let (last, folders) = path.split_last().ok_or_else(|| io::Error::other("a link to the root"))?;
            let from = open_folder(folders, false)?;
            Ok(rustix::fs::linkat(&from, last.as_slice(), parent, name, AtFlags::empty())?)
        }
        Kind::Fifo => {
            rustix::fs::mknodat(parent, name, FileType::Fifo, Mode::from_bits_truncate(0o600), 0)?;
            rustix::fs::chownat(parent, name, Some(meta.uid), Some(meta.gid), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(rustix::fs::chmodat(parent, name, meta.mode, AtFlags::empty())?)
        }
        Kind::Folder => make_folder(parent, name),
    }
}

/// Hides a name of the layers below.
pub fn white_out(parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
    make_room(parent, name)?;
    Ok(rustix::fs::mknodat(parent, name, FileType::CharacterDevice, Mode::empty(), 0)?)
}

/// Hides all that the layers below have in a folder.
pub fn make_opaque(folder: &OwnedFd) -> io::Result<()> {
    Ok(rustix::fs::fsetxattr(folder, "user.overlay.opaque", b"y", XattrFlags::empty())?)
}

/// Removes what an earlier entry of the same layer put there.
fn make_room(parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOTEMPTY) => {
                Err(io::Error::other("it would take the place of a folder that is not empty"))
            }
            other => Ok(other?),
        },
        Err(error) => Err(error.into()),
    }
}
