//! The crates of this workspace and their dependencies, as `cargo metadata` describes them.

use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::command_error::CommandError;

/// The parsed output of `cargo metadata`.
#[derive(Default)]
pub struct Workspace {
    /// The folder that holds the root `Cargo.toml`.
    pub root: PathBuf,
    /// The folder that cargo builds into.
    pub target: PathBuf,
    /// The crates of this repository.
    pub crates: Vec<Crate>,
    /// Number of packages from outside this repository in the lock file, for any system.
    pub packages: usize,
}

/// A crate of this repository.
pub struct Crate {
    /// The package's name.
    pub name: String,
    /// Its folder, from the root: `foundation/base`.
    pub folder: String,
    /// Everything its `Cargo.toml` names as a dependency.
    pub dependencies: Vec<Dependency>,
}

/// An edge from a crate to a package, of this repository or from elsewhere.
pub struct Dependency {
    /// The package's own name, also where the crate renames it.
    pub name: String,
    /// True if only tests, examples and benches use it.
    pub for_tests: bool,
}

impl Workspace {
    /// Ask cargo about the workspace that the current folder belongs to. The lock file is not changed.
    pub fn read() -> Result<Self, CommandError> {
        let metadata =
            MetadataCommand::new().other_options(["--locked".to_owned()]).exec().map_err(|error| {
                CommandError::new(
                    format!("cargo does not describe the workspace: {error}"),
                    "run `cargo check` first: it says what is wrong, or brings Cargo.lock up to date",
                )
            })?;
        Ok(Self::from(metadata))
    }

    /// The crate of this repository called `name`.
    pub fn find_member(&self, name: &str) -> Option<&Crate> {
        self.crates.iter().find(|member| member.name == name)
    }
}

impl From<Metadata> for Workspace {
    fn from(metadata: Metadata) -> Self {
        let root = metadata.workspace_root.into_std_path_buf();
        let target = metadata.target_directory.into_std_path_buf();
        let mut workspace = Self { root, target, ..Self::default() };
        for package in metadata.packages {
            if metadata.workspace_members.contains(&package.id) {
                let member = Crate::new(&package, &workspace.root);
                workspace.crates.push(member);
            } else {
                workspace.packages += 1;
            }
        }
        workspace
    }
}

impl Crate {
    fn new(package: &Package, root: &Path) -> Self {
        let manifest = package.manifest_path.as_std_path();
        let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok()).unwrap_or(manifest);
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            for_tests: dependency.kind == DependencyKind::Development,
        });
        Self {
            name: package.name.to_string(),
            folder: folder.display().to_string(),
            dependencies: dependencies.collect(),
        }
    }

    /// The path of its `Cargo.toml`, from the root.
    pub fn manifest_path(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

#[cfg(test)]
impl Crate {
    /// A crate in `folder`, named as this project names crates, that uses the packages `uses`.
    pub fn for_test(folder: &str, uses: &[&str]) -> Self {
        let dependencies = uses.iter().map(|name| Dependency { name: (*name).to_owned(), for_tests: false });
        Self {
            name: folder.replace('/', "-"),
            folder: folder.to_owned(),
            dependencies: dependencies.collect(),
        }
    }

    /// The same crate, whose tests use `name`.
    pub fn tested_with(mut self, name: &str) -> Self {
        self.dependencies.push(Dependency { name: name.to_owned(), for_tests: true });
        self
    }
}
