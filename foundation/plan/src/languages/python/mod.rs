//! Python: `requirements.txt`, `pyproject.toml`.

mod project;
mod start;

use hearth_base::Result;

use super::{
    DetectionContext,
    generators::{MKDOCS_COMMAND, MKDOCS_FOLDER, MKDOCS_SETTINGS},
    static_files::plan_built_site,
};
use crate::{
    packages::PackageName,
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    recipe::{BuildStage, RecipeStep, StageName},
    source::SourceTree,
    source_path::SourcePath,
    versions::{VersionNotation, VersionRequest, VersionedImage, choose_image},
};
use project::{DependencyManager, PythonProject};

/// Images with Python. The first is the default.
const PYTHON_IMAGES: &[VersionedImage] = &[
    VersionedImage { number: 311, version: "3.11", image: "python3.11" },
    VersionedImage { number: 313, version: "3.13", image: "python3.13" },
    VersionedImage { number: 314, version: "3.14", image: "python3.14" },
];

/// Images with the same Python for the program alone: without pip and apt.
const SLIM_IMAGES: [(&str, &str); 3] =
    [("python3.11", "python3.11-slim"), ("python3.13", "python3.13-slim"), ("python3.14", "python3.14-slim")];

/// Folder with the installed packages.
const VENV_FOLDER: &str = "/opt/venv";

const CREATE_VENV_COMMAND: &str = "python3 -m venv /opt/venv";
/// No program needs pip, which takes 14 MB.
const REMOVE_PIP_COMMAND: &str = "rm -rf /opt/venv/bin/pip /opt/venv/bin/pip3* \
     /opt/venv/lib/python3*/site-packages/pip /opt/venv/lib/python3*/site-packages/pip-*.dist-info";
const INSTALL_REQUIREMENTS_COMMAND: &str = "pip install --no-cache-dir -r requirements.txt";
const INSTALL_PROJECT_COMMAND: &str = "pip install --no-cache-dir .";
/// Installs `project.dependencies` without the project itself. pip has no option for that.
const INSTALL_DEPENDENCIES_COMMAND: &str = "python3 -c \"import tomllib; print(*tomllib.load(open('pyproject.toml', \
     'rb'))['project'].get('dependencies', []), sep='\\n')\" > /tmp/requirements.txt && pip install --no-cache-dir -r \
     /tmp/requirements.txt && rm /tmp/requirements.txt";

/// Commands of a dependency manager: for an application, and for a project that is a package too. Each is installed
/// apart from the application and removed again. An empty lock file counts as none.
struct ManagerCommands {
    application: &'static str,
    package: &'static str,
}

/// A lock file of uv contains the addresses of its packages. So uv exports it with the hashes, and installs from the
/// operator's index.
macro_rules! uv_command {
    ($export_option:literal, $sync_option:literal) => {
        concat!(
            "python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir uv && \
            export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt UV_PROJECT_ENVIRONMENT=/opt/venv \
            UV_PYTHON_DOWNLOADS=never && if [ -s uv.lock ]; then /opt/tools/bin/uv export --no-cache --quiet --frozen \
            --no-dev ",
            $export_option,
            "--emit-index-url --output-file /tmp/requirements.txt && \
            /opt/tools/bin/uv pip install --python /opt/venv --no-cache --no-deps --requirement /tmp/requirements.txt; \
            else rm -f uv.lock && /opt/tools/bin/uv sync --no-cache --no-dev",
            $sync_option,
            "; fi && rm -rf /opt/tools /tmp/requirements.txt"
        )
    };
}

const UV_COMMANDS: ManagerCommands = ManagerCommands {
    application: uv_command!("--no-emit-project ", " --no-install-project"),
    package: uv_command!("", ""),
};

/// Poetry knows no index but its own and those of the project. So it exports its lock file with the hashes, or the
/// dependencies without one, and uv installs them from the operator's index.
macro_rules! poetry_command {
    ($install_option:literal) => {
        concat!(
            "python3 -m venv /opt/tools && if [ -s poetry.lock ]; then \
            /opt/tools/bin/pip install --no-cache-dir uv poetry poetry-plugin-export && \
            /opt/tools/bin/poetry export --only main --output /tmp/requirements.txt; else \
            /opt/tools/bin/pip install --no-cache-dir uv poetry-core && \
            /opt/tools/bin/python -c \"from pathlib import Path; \
            from poetry.core.factory import Factory; project = Factory().create_poetry(Path()); \
            sources = [source['url'] for source in project.local_config.get('source', []) if 'url' in source]; \
            print(*['--extra-index-url ' + url for url in sources], \
            *[needed.to_pep_508() for needed in project.package.requires if not needed.is_optional()], \
            sep='\\n')\" > /tmp/requirements.txt; fi && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
            /opt/tools/bin/uv pip install --python /opt/venv --no-cache $([ ! -s poetry.lock ] || echo --no-deps) \
            --requirement /tmp/requirements.txt",
            $install_option,
            " && rm -rf /opt/tools /tmp/requirements.txt"
        )
    };
}

const POETRY_COMMANDS: ManagerCommands =
    ManagerCommands { application: poetry_command!(""), package: poetry_command!(" --editable .") };

/// PDM exports its lock file with the hashes for uv, which installs from the operator's index.
macro_rules! pdm_command {
    ($install_argument:literal) => {
        concat!(
            "python3 -m venv /opt/tools && if [ -s pdm.lock ]; then \
            /opt/tools/bin/pip install --no-cache-dir uv pdm && PDM_CHECK_UPDATE=0 PDM_IGNORE_SAVED_PYTHON=1 \
            /opt/tools/bin/pdm export --production --output /tmp/requirements.txt; else \
            /opt/tools/bin/pip install --no-cache-dir uv; fi && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
            /opt/tools/bin/uv pip install --python /opt/venv --no-cache --requirement \
            $([ -s pdm.lock ] && echo /tmp/requirements.txt --no-deps || echo pyproject.toml)",
            $install_argument,
            " && rm -rf /opt/tools /tmp/requirements.txt"
        )
    };
}

const PDM_COMMANDS: ManagerCommands =
    ManagerCommands { application: pdm_command!(""), package: pdm_command!(" .") };

/// The packages that a Python source installs.
struct PythonPackages {
    steps: Vec<RecipeStep>,
    /// Text that names them, for the choice of the web server.
    declared: String,
    /// Version that the project asks for.
    version: Option<VersionRequest>,
}

/// Detects Python by `requirements.txt` or a `pyproject.toml` that declares an application; `None` without them.
/// Errors: `source-file`, `pyproject` (invalid).
pub fn detect_python(source: &dyn SourceTree, context: DetectionContext) -> Result<Option<DetectedSource>> {
    let mut reasons = Vec::new();
    let Some(PythonPackages { mut steps, declared, version }) = plan_packages(source, context, &mut reasons)?
    else {
        return Ok(None);
    };
    if source.has_file("Pipfile")? {
        reasons.push("Pipfile is ignored.".to_owned());
    }
    let request = find_version_request(source)?.or(version);
    let image =
        choose_image(PYTHON_IMAGES, VersionNotation::Python, "Python", request.as_ref(), &mut reasons);
    let mut all = Vec::new();
    if needs_git(&declared) {
        reasons.push("Packages come from git repositories, so git is installed first.".to_owned());
        all.push(RecipeStep::Install(vec![PackageName::from_known("git")]));
    }
    all.extend([
        RecipeStep::Env("PYTHONUNBUFFERED", "1"),
        RecipeStep::Env("PATH", "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin"),
        RecipeStep::Run(CREATE_VENV_COMMAND),
    ]);
    all.append(&mut steps);
    let start = start::guess_web_command(source, &declared)?;
    let has_server = context.has_processes || matches!(start, StartCommand::Guessed { .. });
    if !has_server && source.has_file(MKDOCS_SETTINGS)? && declared.to_lowercase().contains("mkdocs") {
        return Ok(Some(plan_mkdocs_site(image.image, all, reasons)));
    }
    Ok(Some(DetectedSource { kind: SourceKind::Python, recipe: plan_image(image, all), reasons, start }))
}

/// Plans the image for steps that install the packages: they run in a stage, and the image gets the packages without
/// the programs that only an installation needs. Their last step copies the source unless the installation reads it.
fn plan_image(image: VersionedImage, mut steps: Vec<RecipeStep>) -> BuildRecipe {
    let mut own: Vec<RecipeStep> =
        steps.iter().filter(|step| matches!(step, RecipeStep::Env(..))).cloned().collect();
    own.push(RecipeStep::CopyMade(StageName::Build, VENV_FOLDER));
    own.push(match steps.pop_if(|step| *step == RecipeStep::CopyAll) {
        Some(copy) => copy,
        None => RecipeStep::CopyBuilt(StageName::Build, None),
    });
    steps.push(RecipeStep::Cleanup(REMOVE_PIP_COMMAND));
    let slim = SLIM_IMAGES.iter().find(|(full, _)| *full == image.image).map(|(_, slim)| *slim);
    let stage = BuildStage { name: StageName::Build, base: image.image, steps };
    BuildRecipe::Steps { base: slim.unwrap_or(image.image), steps: own, stages: vec![stage] }
}

/// Plans the site of a source whose packages contain MkDocs.
fn plan_mkdocs_site(
    base: &'static str,
    mut steps: Vec<RecipeStep>,
    mut reasons: Vec<String>,
) -> DetectedSource {
    reasons.push(format!(
        "{MKDOCS_SETTINGS}: MkDocs builds a site into {MKDOCS_FOLDER}/, which is served as static files."
    ));
    steps.push(RecipeStep::Run(MKDOCS_COMMAND));
    let stage = BuildStage { name: StageName::Build, base, steps };
    plan_built_site(Vec::new(), stage, SourcePath::from_known(MKDOCS_FOLDER), reasons)
}

fn plan_packages(
    source: &dyn SourceTree,
    context: DetectionContext,
    reasons: &mut Vec<String>,
) -> Result<Option<PythonPackages>> {
    let project = PythonProject::read(source)?;
    let version = project.as_ref().and_then(|project| project.version.clone());
    let locked = project.as_ref().filter(|project| project.lock_file.is_some());
    // A lock file beside requirements.txt says which of the two is kept up to date.
    if let (Some(text), None) = (source.read("requirements.txt")?, locked) {
        let steps = plan_requirements(&text, reasons);
        return Ok(Some(PythonPackages { steps, declared: text, version }));
    }
    let Some(project) = project else { return Ok(None) };
    if project.is_settings_only {
        // Settings of tools say nothing about the application: they must not hide a page or a Node.js application.
        if !context.has_processes && !start::has_application_file(source)? {
            return Ok(None);
        }
        if source.has_file("package.json")? || source.has_file("index.html")? {
            return Ok(None);
        }
        reasons.push(
            "pyproject.toml: Python; it contains settings of tools only, so pip installs nothing.".to_owned(),
        );
        return Ok(Some(PythonPackages {
            steps: vec![RecipeStep::CopyAll],
            declared: project.text,
            version,
        }));
    }
    if source.has_file("requirements.txt")? {
        reasons.push("requirements.txt exists too; the lock file has precedence.".to_owned());
    }
    let steps = plan_project(&project, reasons);
    Ok(Some(PythonPackages { steps, declared: project.text, version }))
}

fn plan_requirements(text: &str, reasons: &mut Vec<String>) -> Vec<RecipeStep> {
    if is_self_contained(text) {
        reasons.push(
            "requirements.txt: Python; its packages are installed before the other files are copied, and again \
             only when it changes."
                .to_owned(),
        );
        return vec![
            RecipeStep::Copy(None, vec!["requirements.txt"]),
            RecipeStep::Run(INSTALL_REQUIREMENTS_COMMAND),
            RecipeStep::CopyAll,
        ];
    }
    reasons.push(
        "requirements.txt: Python; it refers to other files of the source, so everything is copied before its \
         packages are installed."
            .to_owned(),
    );
    vec![RecipeStep::CopyAll, RecipeStep::Run(INSTALL_REQUIREMENTS_COMMAND)]
}

fn plan_project(project: &PythonProject, reasons: &mut Vec<String>) -> Vec<RecipeStep> {
    let commands = match project.manager {
        DependencyManager::Pip => {
            ManagerCommands { application: INSTALL_DEPENDENCIES_COMMAND, package: INSTALL_PROJECT_COMMAND }
        }
        DependencyManager::Uv => UV_COMMANDS,
        DependencyManager::Poetry => POETRY_COMMANDS,
        DependencyManager::Pdm => PDM_COMMANDS,
    };
    let name = project.manager.program_name();
    let locked = project.lock_file.map(|lock| format!(" in the versions of {lock}")).unwrap_or_default();
    if project.is_package {
        reasons.push(format!("pyproject.toml: Python; {name} installs the project{locked}."));
        return vec![RecipeStep::CopyAll, RecipeStep::Run(commands.package)];
    }
    reasons.push(format!(
        "pyproject.toml: Python; {name} installs the dependencies of the application{locked}; the application itself \
         is no package."
    ));
    if !project.is_self_contained {
        return vec![RecipeStep::CopyAll, RecipeStep::Run(commands.application)];
    }
    let files = std::iter::once("pyproject.toml").chain(project.lock_file).collect();
    vec![RecipeStep::Copy(None, files), RecipeStep::Run(commands.application), RecipeStep::CopyAll]
}

/// Finds the version in a file that contains nothing else.
fn find_version_request(source: &dyn SourceTree) -> Result<Option<VersionRequest>> {
    for file in [".python-version", "runtime.txt"] {
        if let Some(text) = source.read(file)?
            && let Some(request) = VersionRequest::new(file, &text)
        {
            return Ok(Some(request));
        }
    }
    Ok(None)
}

/// True when a package comes from a git repository: PEP 508, `tool.uv.sources`, dependencies of Poetry.
fn needs_git(declared: &str) -> bool {
    ["git+", "git = \"", "git=\"", "git = '"].iter().any(|sign| declared.contains(sign))
}

/// True when the requirements refer to no other file of the source.
fn is_self_contained(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| {
        let path = line.starts_with('.') || line.starts_with('/') || line.contains("file:");
        let option = ["-r", "-c", "-e", "-f", "--requirement", "--constraint", "--editable", "--find-links"];
        let archive = line.ends_with(".whl") || line.ends_with(".tar.gz");
        !path && !archive && !option.iter().any(|option| line.starts_with(option))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_that_refer_to_files_are_not_self_contained() {
        assert!(is_self_contained("flask==3.0\n# -r x\n--index-url https://packages.example/simple\n"));
        for line in ["-r base.txt", "-e .", "./lib", "-cconstraints.txt", "x @ file:///lib", "x.whl"] {
            assert!(!is_self_contained(&format!("flask\n{line}\n")), "{line}");
        }
    }
}
