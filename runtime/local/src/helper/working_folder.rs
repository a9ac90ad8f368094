//! Working folder of a container. An image may name one that none of its layers has: builders record `WORKDIR` and
//! leave an empty folder out.

use std::{
    io,
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, ResolveFlags},
    io::Errno,
};

/// Permissions of a created folder, as runc's.
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o755);

/// Creates the missing folders of the absolute path `cwd` below the container's root, owned by the caller's file
/// system ids. Links of the image are followed inside the root only (openat2(2), `RESOLVE_IN_ROOT`).
pub fn create_working_folder(root: &Path, cwd: &Path) -> io::Result<()> {
    let root = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut path = PathBuf::new();
    let mut parent = open_folder(&root, Path::new("."))?;
    for name in cwd.components() {
        let Component::Normal(name) = name else { continue };
        path.push(name);
        parent = match open_folder(&root, &path) {
            Err(Errno::NOENT) => {
                rustix::fs::mkdirat(&parent, name, FOLDER_MODE)?;
                // The process may have a mask that closes new folders to others.
                rustix::fs::chmodat(&parent, name, FOLDER_MODE, AtFlags::empty())?;
                open_folder(&root, &path)?
            }
            opened => opened?,
        };
    }
    Ok(())
}

fn open_folder(root: &OwnedFd, path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(root, path, flags, Mode::empty(), resolve)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, symlink},
    };

    use super::*;

    fn create_root() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn missing_folders_are_created_open_to_others() {
        let root = create_root();
        create_working_folder(root.path(), Path::new("/srv/a/b")).unwrap();
        for folder in ["srv", "srv/a", "srv/a/b"] {
            assert_eq!(fs::metadata(root.path().join(folder)).unwrap().mode() & 0o7777, 0o755, "{folder}");
        }
    }

    #[test]
    fn existing_folders_are_left_as_they_are() {
        let root = create_root();
        fs::create_dir(root.path().join("app")).unwrap();
        fs::set_permissions(root.path().join("app"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        create_working_folder(root.path(), Path::new("/app")).unwrap();
        create_working_folder(root.path(), Path::new("/")).unwrap();
        assert_eq!(fs::metadata(root.path().join("app")).unwrap().mode() & 0o7777, 0o700);
    }

    #[test]
    fn links_lead_to_folders_of_the_root_only() {
        let (root, outside) = (create_root(), create_root());
        symlink(outside.path(), root.path().join("out")).unwrap();
        symlink("../../../..", root.path().join("up")).unwrap();
        // The target of the first link does not exist inside the root.
        assert!(create_working_folder(root.path(), Path::new("/out/a")).is_err());
        create_working_folder(root.path(), Path::new("/up/b")).unwrap();
        assert!(root.path().join("b").is_dir());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn file_in_the_path_is_an_error() {
        let root = create_root();
        fs::write(root.path().join("app"), "").unwrap();
        assert!(create_working_folder(root.path(), Path::new("/app/sub")).is_err());
    }
}
