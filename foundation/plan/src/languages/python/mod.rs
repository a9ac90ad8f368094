//! Python: `requirements.txt`, `pyproject.toml`, `Pipfile`, `setup.py`.

mod managers;
mod pipfile;
mod project;
mod signs;
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
use managers::{ManagerCommands, PDM_COMMANDS, POETRY_COMMANDS, UV_COMMANDS};
use pipfile::Pipfile;
use project::{DependencyManager, PythonProject};
pub use signs::{PYTHON_SIGNS, installs_python_of_debian, starts_python};

/// Files in the top folder by which Python is detected.
pub const PYTHON_MANIFESTS: &[&str] = &["requirements.txt", "pyproject.toml", "Pipfile", "setup.py"];

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

/// Creates the environment with the pip of the system, and before Python 3.12 its setuptools. `python3 -m venv` installs
/// the same ones from wheels, which takes three seconds.
const CREATE_VENV_COMMAND: &str = "if [ -d /usr/lib/python3/dist-packages/pip ]; then \
     python3 -m venv --without-pip /opt/venv && cd /usr/lib/python3/dist-packages && set -- pip && \
     case $(echo /opt/venv/lib/python3.*) in *3.? | *3.1[01]) \
     set -- pip setuptools* pkg_resources _distutils_hack distutils-precedence.pth;; esac && \
     cp -r --preserve=timestamps \"$@\" /opt/venv/lib/python3.*/site-packages && \
     printf '#!/opt/venv/bin/python3\\nfrom pip._internal.cli.main import main\\nraise SystemExit(main())\\n' \
     > /opt/venv/bin/pip && chmod 755 /opt/venv/bin/pip && ln -s pip /opt/venv/bin/pip3; \
     else python3 -m venv /opt/venv; fi";
/// No program needs pip, which takes 14 MB.
const REMOVE_PIP_COMMAND: &str = "rm -rf /opt/venv/bin/pip /opt/venv/bin/pip3* \
     /opt/venv/lib/python3*/site-packages/pip /opt/venv/lib/python3*/site-packages/pip-*.dist-info";
const INSTALL_REQUIREMENTS_COMMAND: &str = "pip install --no-cache-dir -r requirements.txt";
const INSTALL_PROJECT_COMMAND: &str = "pip install --no-cache-dir .";
/// Installs `project.dependencies` without the project itself. pip has no option for that.
const INSTALL_DEPENDENCIES_COMMAND: &str = "python3 -c \"import tomllib; print(*tomllib.load(open('pyproject.toml', \
     'rb'))['project'].get('dependencies', []), sep='\\n')\" > /tmp/requirements.txt && pip install --no-cache-dir -r \
     /tmp/requirements.txt && rm /tmp/requirements.txt";

/// The packages that a Python source installs.
struct PythonPackages {
    steps: Vec<RecipeStep>,
    /// Text that names them, for the choice of the web server.
    declared: String,
    /// Version that the project asks for.
    version: Option<VersionRequest>,
}

/// Detects Python by `requirements.txt`, a `pyproject.toml` that declares an application, `Pipfile`, `setup.py`, or
/// processes that start it; `None` without them. Errors: `source-file`, `pyproject`, `pipfile`, `pipfile-lock` (invalid).
pub fn detect_python(
    source: &dyn SourceTree,
    context: DetectionContext<'_>,
) -> Result<Option<DetectedSource>> {
    let mut reasons = Vec::new();
    let Some(PythonPackages { mut steps, declared, version }) = plan_packages(source, context, &mut reasons)?
    else {
        return Ok(None);
    };
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
    let has_server = context.has_processes() || matches!(start, StartCommand::Guessed { .. });
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
    context: DetectionContext<'_>,
    reasons: &mut Vec<String>,
) -> Result<Option<PythonPackages>> {
    let project = PythonProject::read(source)?;
    let version = project.as_ref().and_then(|project| project.version.clone());
    let locked = project.as_ref().filter(|project| project.lock_file.is_some());
    // A lock file beside requirements.txt says which of the two is kept up to date; one without packages does not.
    let decisive = locked.filter(|project| project.declares_dependencies);
    if let (Some(text), None) = (source.read("requirements.txt")?, decisive) {
        if let Some(lock) = locked.and_then(|project| project.lock_file) {
            reasons.push(format!("pyproject.toml names no packages to install, so {lock} is ignored."));
        }
        let steps = plan_requirements(&text, reasons);
        if source.has_file("Pipfile")? {
            reasons.push("Pipfile is ignored.".to_owned());
        }
        return Ok(Some(PythonPackages { steps, declared: text, version }));
    }
    if project.as_ref().is_none_or(|project| project.is_settings_only)
        && let Some(packages) = plan_other_packages(source, context, reasons)?
    {
        let version = packages.version.or(version);
        return Ok(Some(PythonPackages { version, ..packages }));
    }
    let Some(project) = project else { return plan_standard_library(source, context, reasons) };
    if project.is_settings_only {
        // Settings of tools say nothing about the application: they must not hide a page or a Node.js application.
        if !context.has_processes() && !start::has_application_file(source)? {
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

/// Plans the packages of `Pipfile`, otherwise those of `setup.py`.
fn plan_other_packages(
    source: &dyn SourceTree,
    context: DetectionContext<'_>,
    reasons: &mut Vec<String>,
) -> Result<Option<PythonPackages>> {
    if let Some(pipfile) = Pipfile::read(source)? {
        let steps = pipfile.plan_steps(reasons);
        return Ok(Some(PythonPackages { steps, declared: pipfile.text, version: pipfile.version }));
    }
    let Some(text) = source.read("setup.py")? else { return Ok(None) };
    // Bindings and documentation have one too.
    if !context.processes.is_some_and(starts_python) && has_other_manifest(source)? {
        return Ok(None);
    }
    reasons.push("setup.py: Python; pip installs the project.".to_owned());
    let declared = format!("{text}{}", source.read("setup.cfg")?.unwrap_or_default());
    let steps = vec![RecipeStep::CopyAll, RecipeStep::Run(INSTALL_PROJECT_COMMAND)];
    Ok(Some(PythonPackages { steps, declared, version: None }))
}

/// Plans a program that needs the standard library only: its processes start Python, and no file names packages.
fn plan_standard_library(
    source: &dyn SourceTree,
    context: DetectionContext<'_>,
    reasons: &mut Vec<String>,
) -> Result<Option<PythonPackages>> {
    if !context.processes.is_some_and(signs::starts_interpreter)
        || has_other_manifest(source)?
        || signs::lists_packages_elsewhere(source)?
        || installs_python_of_debian(source)?
    {
        return Ok(None);
    }
    reasons.push(
        "The processes start Python, and there is no requirements.txt, so pip installs nothing.".to_owned(),
    );
    let steps = vec![RecipeStep::CopyAll];
    Ok(Some(PythonPackages { steps, declared: String::new(), version: None }))
}

/// True when a file defines the build in another language, or in general.
fn has_other_manifest(source: &dyn SourceTree) -> Result<bool> {
    for name in super::list_manifest_names() {
        if !PYTHON_MANIFESTS.contains(&name) && source.has_file(name)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn plan_requirements(text: &str, reasons: &mut Vec<String>) -> Vec<RecipeStep> {
    let steps = plan_requirements_steps(text, reasons);
    let unpinned = list_unpinned(text);
    if let Some(first) = unpinned.first() {
        let others = match unpinned.len() - 1 {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        reasons.push(format!(
            "requirements.txt has no exact version of {first}{others}: builds may install different ones. pip freeze \
             prints those of your machine."
        ));
    }
    steps
}

/// Lists the packages without an exact version, by the names in their lines.
fn list_unpinned(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    let names = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_alphanumeric()));
    let unpinned = names.filter(|line| !["==", "@", "/", ":"].iter().any(|sign| line.contains(sign)));
    let is_name = |symbol: char| symbol.is_ascii_alphanumeric() || "-_.".contains(symbol);
    unpinned.map(|line| line.split(|symbol| !is_name(symbol)).next().unwrap_or_default()).collect()
}

fn plan_requirements_steps(text: &str, reasons: &mut Vec<String>) -> Vec<RecipeStep> {
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
    if project.lock_file.is_none() && project.text.contains("dependencies") {
        let command = project.manager.lock_command();
        reasons.push(format!(
            "Without a lock file builds may install different versions: run {command}, and commit its file."
        ));
    }
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
    fn requirements_without_an_exact_version_are_named() {
        let text = "flask\nwerkzeug >= 3\nredis[hiredis]~=5.0\n# comment\n-r more.txt\n./own\nsix==1.16\n\
                    x @ file:///x\nown.whl/x\n";
        assert_eq!(list_unpinned(text), ["flask", "werkzeug", "redis"]);
    }

    #[test]
    fn requirements_that_refer_to_files_are_not_self_contained() {
        assert!(is_self_contained("flask==3.0\n# -r x\n--index-url https://packages.example/simple\n"));
        for line in ["-r base.txt", "-e .", "./lib", "-cconstraints.txt", "x @ file:///lib", "x.whl"] {
            assert!(!is_self_contained(&format!("flask\n{line}\n")), "{line}");
        }
    }
}
