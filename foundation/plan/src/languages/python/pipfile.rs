//! `Pipfile`: the packages of Pipenv, in the versions of `Pipfile.lock`.

use hearth_base::{Error, Result};
use toml::Table;

use super::project::{describe_toml_error, find_value, refers_to_files};
use crate::{recipe::RecipeStep, source::SourceTree, versions::VersionRequest};

/// Pipenv exports its lock file with the hashes, and uv installs from the operator's index. The first line of the
/// export is the index with which the file was written.
const INSTALL_COMMAND: &str = "python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir uv pipenv && \
     /opt/tools/bin/pipenv requirements --hash > /tmp/locked.txt && sed '/^-i /d' /tmp/locked.txt > \
     /tmp/requirements.txt && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt /opt/tools/bin/uv pip install --python \
     /opt/venv --no-cache --no-deps --requirement /tmp/requirements.txt && rm -rf /opt/tools /tmp/locked.txt \
     /tmp/requirements.txt";

/// The packages that a `Pipfile` declares.
#[derive(Debug, Clone)]
pub struct Pipfile {
    /// Version of Python that it asks for.
    pub version: Option<VersionRequest>,
    /// Text of the file.
    pub text: String,
}

impl Pipfile {
    /// Reads `Pipfile`; `None` without one. Errors: `pipfile` (invalid) when it is not TOML, `pipfile-lock` (invalid)
    /// without a `Pipfile.lock`.
    pub fn read(source: &dyn SourceTree) -> Result<Option<Self>> {
        let Some(text) = source.read("Pipfile")? else { return Ok(None) };
        let table: Table = toml::from_str(&text).map_err(|cause| {
            Error::invalid("pipfile", format!("Pipfile cannot be read: {}", describe_toml_error(&cause)))
                .help("pipenv reads the same file: try pipenv verify on your machine")
        })?;
        if !source.has_file("Pipfile.lock")? {
            return Err(Error::invalid(
                "pipfile-lock",
                "Pipfile names packages, and Pipfile.lock, which has their versions, is missing",
            )
            .help("run pipenv lock, and commit Pipfile.lock; or add a requirements.txt"));
        }
        let version = [["requires", "python_full_version"], ["requires", "python_version"]];
        let version = version.iter().find_map(|path| find_value(&table, path)?.as_str());
        Ok(Some(Self { version: version.and_then(|text| VersionRequest::new("Pipfile", text)), text }))
    }

    /// Plans the steps that install its packages.
    pub fn plan_steps(&self, reasons: &mut Vec<String>) -> Vec<RecipeStep> {
        reasons.push(
            "Pipfile: Python; pipenv exports its packages in the versions of Pipfile.lock, and uv installs them."
                .to_owned(),
        );
        let install = RecipeStep::Run(INSTALL_COMMAND);
        if refers_to_files(&self.text) {
            return vec![RecipeStep::CopyAll, install];
        }
        vec![RecipeStep::Copy(None, vec!["Pipfile", "Pipfile.lock"]), install, RecipeStep::CopyAll]
    }
}
