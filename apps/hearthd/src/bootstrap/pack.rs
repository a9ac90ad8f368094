//! Packs a folder as a reproducible, compressed layer.

use std::{
    fs::File,
    io::Read,
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

/// A packed layer.
pub struct PackedLayer {
    /// The compressed archive.
    pub file: PathBuf,
    /// Digest of the compressed archive.
    pub digest: Digest,
    /// Size of the compressed archive.
    pub size: u64,
    /// Digest of the uncompressed archive.
    pub diff_id: Digest,
}

/// Packs `folder` to a file beside `archive`. Limits file times to `epoch`.
pub fn pack_layer(folder: &Path, archive: &Path, epoch: Timestamp) -> Result<PackedLayer> {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--format=gnu", "--numeric-owner", "--clamp-mtime"]);
    tar.arg(format!("--mtime=@{}", epoch.as_second()));
    tar.args(EXCLUDED_PATTERNS.iter().map(|pattern| format!("--exclude={pattern}")));
    tar.arg("--file").arg(archive).arg("--directory").arg(folder).arg(".");
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
    std::fs::remove_file(archive).map_err(|cause| unusable_error(archive, cause))?;
    let (digest, size) = compute_digest(&file)?;
    Ok(PackedLayer { file, digest, size, diff_id })
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
    use std::{fs, os::unix::fs::symlink};

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
            layers.push(pack_layer(&root, &home.path().join(format!("{name}.tar")), epoch)?);
        }
        assert_eq!(layers[0].diff_id, layers[1].diff_id);
        assert_eq!(layers[0].digest, layers[1].digest);
        Ok(())
    }
}
