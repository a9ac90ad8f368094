//! Writing of one layer entry to the disk. Each step uses a folder's descriptor and follows no symbolic link.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags},
    io::Errno,
};

use super::budget::LayerBudget;

const OPEN_FOLDER_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const CREATE_FILE_FLAGS: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Type of an entry.
pub enum EntryKind {
    File,
    Folder,
    Symlink(Vec<u8>),
    /// Hard link to the file at this path of the layer.
    Link(Vec<Vec<u8>>),
    Fifo,
}

/// Folder whose owner, mode and times are set after all entries are written.
pub struct DeferredFolder {
    /// Components joined by `/`, because a layer may have a million folders.
    path: Vec<u8>,
    meta: EntryMetadata,
}

struct EntryMetadata {
    uid: Uid,
    gid: Gid,
    mode: Mode,
    times: Timestamps,
}

impl EntryMetadata {
    fn from_header(header: &tar::Header) -> io::Result<Self> {
        let id = |id: u64| u32::try_from(id).ok().filter(|id| *id < 65_536);
        let id_too_large = || io::Error::other("an owner id is not below 65536");
        let time = Timespec { tv_sec: i64::try_from(header.mtime()?).unwrap_or(0), tv_nsec: 0 };
        Ok(Self {
            uid: Uid::from_raw(id(header.uid()?).ok_or_else(id_too_large)?),
            gid: Gid::from_raw(id(header.gid()?).ok_or_else(id_too_large)?),
            mode: Mode::from_bits_truncate(header.mode()? & 0o7777),
            times: Timestamps { last_access: time, last_modification: time },
        })
    }

    /// Sets owner, mode and times. The owner comes first, because a change of owner clears setuid bits.
    fn apply_to(&self, file: impl AsFd) -> io::Result<()> {
        rustix::fs::fchown(&file, Some(self.uid), Some(self.gid))?;
        rustix::fs::fchmod(&file, self.mode)?;
        rustix::fs::futimens(&file, &self.times)?;
        Ok(())
    }
}

impl DeferredFolder {
    pub fn new(path: &[Vec<u8>], header: &tar::Header) -> io::Result<Self> {
        Ok(Self { path: path.join(&b'/'), meta: EntryMetadata::from_header(header)? })
    }

    pub fn apply_metadata(&self) -> io::Result<()> {
        let parts = self.path.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
        match open_folder(parts) {
            Ok(folder) => self.meta.apply_to(folder),
            // A later entry has replaced the folder.
            Err(_) => Ok(()),
        }
    }
}

/// Opens a folder of the layer.
pub fn open_folder<'a>(path: impl IntoIterator<Item = &'a [u8]>) -> io::Result<OwnedFd> {
    path.into_iter().try_fold(open_root()?, |folder, part| Ok(open_subfolder(&folder, part)?))
}

/// Opens a folder of the layer, and makes missing folders on its path. Each of them is taken from the budget,
/// since an archive need not have entries for them.
pub fn make_parent_folders(path: &[Vec<u8>], budget: &mut LayerBudget) -> io::Result<OwnedFd> {
    let mut folder = open_root()?;
    for part in path {
        folder = match open_subfolder(&folder, part) {
            Err(Errno::NOENT) => {
                budget.count_folder()?;
                rustix::fs::mkdirat(&folder, part.as_slice(), Mode::from_bits_truncate(0o755))?;
                open_subfolder(&folder, part)?
            }
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(io::Error::other("a component of its path is not a folder of this layer"));
            }
            opened => opened?,
        };
    }
    Ok(folder)
}

fn open_root() -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(CWD, "/", OPEN_FOLDER_FLAGS, Mode::empty())?)
}

fn open_subfolder(folder: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(folder, name, OPEN_FOLDER_FLAGS, Mode::empty())
}

/// Makes a folder, or keeps an existing one. A file of the same name is replaced.
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

/// Makes any entry that is not a folder, and replaces an existing one of the same name.
pub fn make_entry(
    parent: &OwnedFd,
    name: &[u8],
    kind: &EntryKind,
    header: &tar::Header,
    content: &mut impl Read,
) -> io::Result<()> {
    remove_existing(parent, name)?;
    let meta = EntryMetadata::from_header(header)?;
    match kind {
        EntryKind::File => {
            let file = rustix::fs::openat(parent, name, CREATE_FILE_FLAGS, Mode::from_bits_truncate(0o600))?;
            let mut file = File::from(file);
            io::copy(content, &mut file)?;
            meta.apply_to(&file)
        }
        EntryKind::Symlink(target) => {
            rustix::fs::symlinkat(target.as_slice(), parent, name)?;
            rustix::fs::chownat(parent, name, Some(meta.uid), Some(meta.gid), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(rustix::fs::utimensat(parent, name, &meta.times, AtFlags::SYMLINK_NOFOLLOW)?)
        }
        EntryKind::Link(path) => {
            let (last, folders) =
                path.split_last().ok_or_else(|| io::Error::other("a hard link leads to the layer's root"))?;
            let from = open_folder(folders.iter().map(Vec::as_slice))?;
            Ok(rustix::fs::linkat(&from, last.as_slice(), parent, name, AtFlags::empty())?)
        }
        EntryKind::Fifo => {
            rustix::fs::mknodat(parent, name, FileType::Fifo, Mode::from_bits_truncate(0o600), 0)?;
            rustix::fs::chownat(parent, name, Some(meta.uid), Some(meta.gid), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(rustix::fs::chmodat(parent, name, meta.mode, AtFlags::empty())?)
        }
        EntryKind::Folder => make_folder(parent, name),
    }
}

/// Hides a name of the lower layers: character device 0:0.
pub fn make_whiteout(parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
    remove_existing(parent, name)?;
    Ok(rustix::fs::mknodat(parent, name, FileType::CharacterDevice, Mode::empty(), 0)?)
}

/// Hides all entries of a folder in the lower layers.
pub fn make_opaque(folder: &OwnedFd) -> io::Result<()> {
    Ok(rustix::fs::fsetxattr(folder, "user.overlay.opaque", b"y", XattrFlags::empty())?)
}

/// Removes an earlier entry of the same layer at this name.
fn remove_existing(parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOTEMPTY) => Err(io::Error::other("it would replace a folder that is not empty")),
            other => Ok(other?),
        },
        Err(error) => Err(error.into()),
    }
}
