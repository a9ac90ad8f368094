//! Packs a folder as a reproducible, compressed layer.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use hearth_base::{Digest, Error, Result};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{program::run_program, unusable_error};

/// Files that are specific to a machine, a time or the build.
const EXCLUDED_PATTERNS: &[&str] = &[
    "./dev/*",
    "./proc/*",
    "./run/*",
    "./sys/*",
    "./tmp/*",
    "./var/log/*",
    "./var/cache/apt/*",
    "./var/cache/debconf/*-old",
    "./var/cache/ldconfig/*",
    "./var/lib/apt/lists/*",
    "./var/lib/dpkg/*-old",
    "./etc/apt/apt.conf.d/99mmdebstrap",
    "./etc/hostname",
    "./etc/machine-id",
    "./etc/resolv.conf",
];

/// Files of a layer that are in one folder.
pub struct LayerPart<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// Paths in it, folders without their contents; `None` for everything. The first part that has a path supplies it:
    /// unpackers refuse a path that a layer contains twice.
    pub paths: Option<&'a BTreeSet<PathBuf>>,
}

/// A packed layer.
pub struct PackedLayer {
    /// Content of the layer, for the history of images.
    pub description: String,
    /// The compressed archive.
    pub file: PathBuf,
    /// Digest of the compressed archive.
    pub digest: Digest,
    /// Size of the compressed archive.
    pub size: u64,
    /// Digest of the uncompressed archive.
    pub diff_id: Digest,
}

/// Packs files to a file beside `archive`. Limits file times to `epoch`.
pub fn pack_layer(
    description: String,
    parts: &[LayerPart<'_>],
    archive: &Path,
    epoch: Timestamp,
) -> Result<PackedLayer> {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--format=gnu", "--numeric-owner", "--clamp-mtime"]);
    tar.arg(format!("--mtime=@{}", epoch.as_second()));
    tar.args(EXCLUDED_PATTERNS.iter().map(|pattern| format!("--exclude={pattern}")));
    tar.arg("--file").arg(archive);
    let mut listed = BTreeSet::new();
    for (number, part) in parts.iter().enumerate() {
        // tar takes each folder relative to the one before.
        let folder = part.folder.canonicalize().map_err(|cause| unusable_error(part.folder, cause))?;
        tar.arg("--directory").arg(folder);
        match part.paths {
            None => tar.args(["--recursion", "."]),
            Some(paths) => {
                let list = archive.with_extension(format!("{number}.list"));
                write_path_list(&list, paths.iter().filter(|path| listed.insert(path.as_path())))?;
                tar.args(["--null", "--no-recursion", "--verbatim-files-from", "--files-from"]);
                tar.arg(list.canonicalize().map_err(|cause| unusable_error(&list, cause))?)
            }
        };
    }
    run_program(&mut tar)?;
    let (diff_id, _) = compute_digest(archive)?;
    let file = archive.with_extension("tar.gz");
    let target = File::create(&file).map_err(|cause| unusable_error(&file, cause))?;
    let source = File::open(archive).map_err(|cause| unusable_error(archive, cause))?;
    let mut gzip = Command::new("gzip");
    gzip.args(["--no-name", "--stdout", "-6"]).stdin(Stdio::from(source)).stdout(Stdio::from(target));
    let ended = gzip.status().map_err(|cause| unusable_error(&file, cause))?;
    if !ended.success() {
        return Err(Error::unavailable("program-failed", format!("gzip failed: {ended}"))
            .help("free disk space, then run hearthd image bootstrap again"));
    }
    fs::remove_file(archive).map_err(|cause| unusable_error(archive, cause))?;
    let (digest, size) = compute_digest(&file)?;
    Ok(PackedLayer { description, file, digest, size, diff_id })
}

/// Writes paths for tar, each with a zero byte at its end.
fn write_path_list<'a>(list: &Path, paths: impl Iterator<Item = &'a PathBuf>) -> Result<()> {
    let mut text = Vec::new();
    for path in paths {
        text.extend_from_slice(b"./");
        text.extend_from_slice(path.as_os_str().as_bytes());
        text.push(0);
    }
    fs::write(list, text).map_err(|cause| unusable_error(list, cause))
}

fn compute_digest(path: &Path) -> Result<(Digest, u64)> {
    let mut file = File::open(path).map_err(|cause| unusable_error(path, cause))?;
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        match file.read(&mut piece).map_err(|cause| unusable_error(path, cause))? {
            0 => return Ok((Digest::new(hash.finalize().into()), size)),
            read => {
                hash.update(&piece[..read]);
                size += read as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn equal_files_make_an_equal_layer_at_any_time() -> Result<()> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        let epoch = Timestamp::from_second(1_700_000_000).map_err(Error::internal)?;
        let mut layers = Vec::new();
        for name in ["one", "two"] {
            let root = home.path().join(name);
            for folder in ["etc", "run", "usr/bin"] {
                fs::create_dir_all(root.join(folder)).map_err(Error::internal)?;
            }
            fs::write(root.join("etc/issue"), "Debian").map_err(Error::internal)?;
            fs::write(root.join("etc/hostname"), name).map_err(Error::internal)?;
            fs::write(root.join("run/lock"), name).map_err(Error::internal)?;
            symlink("issue", root.join("usr/bin/x")).map_err(Error::internal)?;
            let parts = [LayerPart { folder: &root, paths: None }];
            let archive = home.path().join(format!("{name}.tar"));
            layers.push(pack_layer("all".to_owned(), &parts, &archive, epoch)?);
        }
        assert_eq!(layers[0].diff_id, layers[1].diff_id);
        assert_eq!(layers[0].digest, layers[1].digest);
        Ok(())
    }

    #[test]
    fn layer_contains_the_listed_paths_of_each_folder() -> Result<()> {
        let home = tempfile::tempdir().map_err(Error::internal)?;
        let [one, two] = ["one", "two"].map(|name| home.path().join(name));
        for path in ["one/a/listed", "one/a/unlisted", "one/run/lock", "two/b"] {
            let path = home.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).map_err(Error::internal)?;
            fs::write(path, "").map_err(Error::internal)?;
        }
        let paths = BTreeSet::from(["", "a", "a/listed", "run", "run/lock"].map(PathBuf::from));
        let more = BTreeSet::from(["", "b"].map(PathBuf::from));
        let parts =
            [LayerPart { folder: &one, paths: Some(&paths) }, LayerPart { folder: &two, paths: Some(&more) }];
        let epoch = Timestamp::from_second(1_700_000_000).map_err(Error::internal)?;
        let layer = pack_layer("some".to_owned(), &parts, &home.path().join("some.tar"), epoch)?;
        let listed = run_program(Command::new("tar").args(["--list", "--file"]).arg(layer.file))?;
        assert_eq!(listed.lines().collect::<Vec<_>>(), ["./", "./a/", "./a/listed", "./run/", "./b"]);
        Ok(())
    }
}
