//! Recipes of Python's dependency managers, run by the shell of this machine: they install from the operator's index.

use std::{fs, path::Path};

use hearth_base::{Error, Result};
use hearth_plan::{SourceFolder, plan_build};
use hearth_testkit::{PackageIndex, checks_all_images};
use tokio::process::Command;

/// The shell that runs the instructions in a build; the test runs it here.
const RECIPE_SHELL: &str = "/bin/sh";

const NAMESPACE_SCRIPT: &str = include_str!("run_recipe.sh");

const PLAIN_PROJECT: &str = "[project]\nname = \"tool\"\nversion = \"1\"\nrequires-python = \">=3.11\"\n\
                       dependencies = [\"hearth-pond\"]\n";
const POETRY_PROJECT: &str = "[tool.poetry]\nname = \"tool\"\npackage-mode = false\n[tool.poetry.dependencies]\n\
                              python = \"^3.11\"\nhearth-pond = \"*\"\n";
const POETRY_LOCK: &str = "[[package]]\nname = \"hearth-pond\"\nversion = \"1.0\"\ndescription = \"\"\n\
     optional = false\npython-versions = \"*\"\ngroups = [\"main\"]\nfiles = [{file = \"hearth_pond-1.0-py3-none-any.whl\", \
     hash = \"sha256:HASH\"}]\n[metadata]\nlock-version = \"2.1\"\npython-versions = \"^3.11\"\n\
     content-hash = \"5e2b9ea0968f749d7e95d0378c5e5f29dbcebbd7ad11cf9a933b28fb1f5f5cf2\"\n";
/// The lock file names another index, as it does when it was written elsewhere.
const UV_LOCK: &str = "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n[[package]]\nname = \"hearth-pond\"\n\
     version = \"1.0\"\nsource = { registry = \"https://index.invalid/simple\" }\nwheels = [{ url = \
     \"https://index.invalid/hearth_pond-1.0-py3-none-any.whl\", hash = \"sha256:HASH\", size = 700 }]\n[[package]]\n\
     name = \"tool\"\nversion = \"1\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"hearth-pond\" }]\n\
     [package.metadata]\nrequires-dist = [{ name = \"hearth-pond\" }]\n";
const PDM_LOCK: &str = "[metadata]\ngroups = [\"default\"]\nstrategy = [\"inherit_metadata\"]\n\
     lock_version = \"4.5.0\"\ncontent_hash = \"sha256:0\"\n[[metadata.targets]]\nrequires_python = \">=3.11\"\n\
     [[package]]\nname = \"hearth-pond\"\nversion = \"1.0\"\nsummary = \"\"\ngroups = [\"default\"]\n\
     files = [{file = \"hearth_pond-1.0-py3-none-any.whl\", hash = \"sha256:HASH\"}]\n";

/// Writes a source, and runs its recipe with settings of pip and uv that name the index.
async fn run_recipe(index: &PackageIndex, files: &[(&str, &str)]) -> Result<String> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let write = |path: &Path, text: &str| fs::write(path, text).map_err(Error::internal);
    let source = folder.path().join("source");
    fs::create_dir(&source).map_err(Error::internal)?;
    for (name, text) in files {
        write(&source.join(name), &text.replace("HASH", PackageIndex::WHEEL_HASH))?;
    }
    let [pip, uv] = ["pip.conf", "uv.toml"].map(|name| folder.path().join(name));
    let certificates = "/etc/ssl/certs/ca-certificates.crt";
    write(&pip, &format!("[global]\nindex-url = {}\ncert = {certificates}\n", index.index_url()))?;
    write(&uv, &format!("[[index]]\nurl = \"{}\"\ndefault = true\n", index.index_url()))?;

    let plan = plan_build(&SourceFolder::new(&source))?;
    let recipe = plan.render_containerfile(&|base| base.to_owned(), &[])?.unwrap_or_default();
    let instructions = recipe.lines().filter_map(|line| line.strip_prefix("RUN "));
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", RECIPE_SHELL, "-c", NAMESPACE_SCRIPT, "hearth"]);
    command.args([&pip, &uv, &source]).args(instructions);
    let output = command.output().await.map_err(Error::internal)?;
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[tokio::test]
async fn dependencies_come_from_the_index_of_the_operator() -> Result<()> {
    let mut sources = vec![vec![("pyproject.toml", POETRY_PROJECT), ("poetry.lock", "")]];
    if checks_all_images() {
        sources.extend([
            vec![("requirements.txt", "hearth-pond\n")],
            vec![("pyproject.toml", PLAIN_PROJECT), ("uv.lock", UV_LOCK)],
            vec![("pyproject.toml", POETRY_PROJECT), ("poetry.lock", POETRY_LOCK)],
            vec![("pyproject.toml", PLAIN_PROJECT), ("uv.lock", "")],
            vec![("pyproject.toml", PLAIN_PROJECT), ("pdm.lock", PDM_LOCK)],
            vec![("pyproject.toml", PLAIN_PROJECT), ("pdm.lock", "")],
            vec![("pyproject.toml", PLAIN_PROJECT)],
        ]);
    }
    let index = PackageIndex::start().await?;
    let runs = sources.iter().map(|files| run_recipe(&index, files));
    for (output, files) in futures::future::try_join_all(runs).await?.iter().zip(&sources) {
        assert!(output.contains("depth 7"), "{files:?}: {output}");
    }
    let requests = index.read_requests()?;
    assert!(requests.contains("/simple/hearth-pond"), "{requests}");
    Ok(())
}

#[tokio::test]
async fn package_with_another_hash_than_its_lock_file_is_refused() -> Result<()> {
    let index = PackageIndex::start().await?;
    let lock = UV_LOCK.replace("HASH", &"0".repeat(64));
    let output = run_recipe(&index, &[("pyproject.toml", PLAIN_PROJECT), ("uv.lock", &lock)]).await?;
    assert!(!output.contains("depth 7") && output.to_lowercase().contains("hash mismatch"), "{output}");
    Ok(())
}
