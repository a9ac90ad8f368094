//! Detection of Python: `requirements.txt`, `pyproject.toml`.

use hearth_base::Result;

use crate::{
    packages::PackageName,
    plan::{BuildRecipe, DetectedSource, SourceKind},
    pyproject::{DependencyManager, PythonProject},
    python_start,
    recipe::RecipeStep,
    source::SourceTree,
    versions::{VersionNotation, VersionRequest, VersionedImage, choose_image},
};

/// Images with Python. The first is the default.
pub const PYTHON_IMAGES: &[VersionedImage] = &[
    VersionedImage { number: 11, version: "3.11", image: "python3.11" },
    VersionedImage { number: 13, version: "3.13", image: "python3.13" },
    VersionedImage { number: 14, version: "3.14", image: "python3.14" },
];

const CREATE_VENV_COMMAND: &str = "python3 -m venv /opt/venv";
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

const UV_COMMANDS: ManagerCommands = ManagerCommands {
    application: "python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir uv && \
        { [ -s uv.lock ] || rm -f uv.lock; } && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        UV_PROJECT_ENVIRONMENT=/opt/venv UV_PYTHON_DOWNLOADS=never /opt/tools/bin/uv sync --no-cache --no-dev \
        --no-install-project $([ ! -e uv.lock ] || echo --frozen) && rm -rf /opt/tools",
    package: "python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir uv && \
        { [ -s uv.lock ] || rm -f uv.lock; } && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        UV_PROJECT_ENVIRONMENT=/opt/venv UV_PYTHON_DOWNLOADS=never /opt/tools/bin/uv sync --no-cache --no-dev \
        $([ ! -e uv.lock ] || echo --frozen) && rm -rf /opt/tools",
};

const POETRY_COMMANDS: ManagerCommands = ManagerCommands {
    application: "python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir poetry && \
        { [ -s poetry.lock ] || rm -f poetry.lock; } && \
        REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt VIRTUAL_ENV=/opt/venv /opt/tools/bin/poetry install \
        --no-interaction --no-cache --only main --no-root && rm -rf /opt/tools",
    package: "python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir poetry && \
        { [ -s poetry.lock ] || rm -f poetry.lock; } && \
        REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt VIRTUAL_ENV=/opt/venv /opt/tools/bin/poetry install \
        --no-interaction --no-cache --only main && rm -rf /opt/tools",
};

const PDM_COMMANDS: ManagerCommands = ManagerCommands {
    application: "python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir pdm && \
        { [ -s pdm.lock ] || rm -f pdm.lock; } && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        VIRTUAL_ENV=/opt/venv PDM_IGNORE_SAVED_PYTHON=1 PDM_CHECK_UPDATE=0 /opt/tools/bin/pdm install --prod \
        --no-editable --no-self && rm -rf /opt/tools",
    package: "python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir pdm && \
        { [ -s pdm.lock ] || rm -f pdm.lock; } && SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        VIRTUAL_ENV=/opt/venv PDM_IGNORE_SAVED_PYTHON=1 PDM_CHECK_UPDATE=0 /opt/tools/bin/pdm install --prod \
        --no-editable && rm -rf /opt/tools",
};

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
pub fn detect_python(source: &impl SourceTree, has_procfile: bool) -> Result<Option<DetectedSource>> {
    let mut reasons = Vec::new();
    let Some(PythonPackages { mut steps, declared, version }) =
        plan_packages(source, has_procfile, &mut reasons)?
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
    if declared.contains("git+") {
        reasons.push("Packages come from git repositories, so git is installed first.".to_owned());
        all.push(RecipeStep::Install(vec![PackageName::from_known("git")]));
    }
    all.extend([
        RecipeStep::Env("PYTHONUNBUFFERED", "1"),
        RecipeStep::Env("PATH", "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin"),
        RecipeStep::Run(CREATE_VENV_COMMAND),
    ]);
    all.append(&mut steps);
    let start = python_start::guess_web_command(source, &declared)?;
    Ok(Some(DetectedSource {
        kind: SourceKind::Python,
        recipe: BuildRecipe::Steps { base: image.image, steps: all, build_stage: None },
        reasons,
        start,
    }))
}

fn plan_packages(
    source: &impl SourceTree,
    has_procfile: bool,
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
        if !has_procfile && !python_start::has_application_file(source)? {
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
            RecipeStep::Copy(vec!["requirements.txt"]),
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
    vec![RecipeStep::Copy(files), RecipeStep::Run(commands.application), RecipeStep::CopyAll]
}

/// Finds the version in a file that contains nothing else.
fn find_version_request(source: &impl SourceTree) -> Result<Option<VersionRequest>> {
    for file in [".python-version", "runtime.txt"] {
        if let Some(text) = source.read(file)?
            && let Some(request) = VersionRequest::new(file, &text)
        {
            return Ok(Some(request));
        }
    }
    Ok(None)
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
