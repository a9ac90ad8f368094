//! `pyproject.toml`: whether it describes a package, an application with dependencies, or only settings of tools.
//!
//! | file | is |
//! |---|---|
//! | neither `project` nor `tool.poetry` | settings of tools |
//! | the same, but `build-system` beside a `setup.py` or `setup.cfg` | a package |
//! | no `build-system`; or `tool.uv.package`, `tool.poetry.package-mode` or `tool.pdm.distribution` is false | an application |
//! | `build-system`, but no folder or module that it could package | an application |
//! | otherwise | a package |

use hearth_base::{Error, Result};
use toml::{Table, Value};

use crate::{source::SourceTree, versions::VersionRequest};

/// Program that installs the dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyManager {
    /// pip, by the table `project`.
    Pip,
    /// uv.
    Uv,
    /// Poetry.
    Poetry,
    /// PDM.
    Pdm,
}

impl DependencyManager {
    /// Name of the program.
    pub fn program_name(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Uv => "uv",
            Self::Poetry => "poetry",
            Self::Pdm => "pdm",
        }
    }

    /// Command that writes its lock file.
    pub fn lock_command(self) -> &'static str {
        match self {
            Self::Pip | Self::Uv => "uv lock",
            Self::Poetry => "poetry lock",
            Self::Pdm => "pdm lock",
        }
    }
}

/// A project that `pyproject.toml` describes.
#[derive(Debug, Clone)]
pub struct PythonProject {
    /// Program that installs the dependencies.
    pub manager: DependencyManager,
    /// Lock file of that program.
    pub lock_file: Option<&'static str>,
    /// True when the project itself is installed too.
    pub is_package: bool,
    /// True when the file contains settings of tools only.
    pub is_settings_only: bool,
    /// True when it names packages that are installed, not only those of the developers.
    pub declares_dependencies: bool,
    /// True when the dependencies refer to no other file of the source.
    pub is_self_contained: bool,
    /// Version of Python that it asks for.
    pub version: Option<VersionRequest>,
    /// Text of the file.
    pub text: String,
}

impl PythonProject {
    /// Reads `pyproject.toml`; `None` without one. Error `pyproject` (invalid) when it is not TOML.
    pub fn read(source: &dyn SourceTree) -> Result<Option<Self>> {
        let Some(text) = source.read("pyproject.toml")? else { return Ok(None) };
        let table: Table = toml::from_str(&text).map_err(|cause| {
            Error::invalid(
                "pyproject",
                format!("pyproject.toml cannot be read: {}", describe_toml_error(&cause)),
            )
            .help("pip reads the same file: try pip install . on your machine")
        })?;
        let (manager, lock_file) = find_manager(source, &table)?;
        let has = |path: &[&str]| find_value(&table, path).is_some();
        let is_project = has(&["project"]) || has(&["tool", "poetry"]);
        // setuptools reads its own files then.
        let is_described_elsewhere = !is_project && has(&["build-system"]) && has_setup_file(source)?;
        let version = [&["project", "requires-python"][..], &["tool", "poetry", "dependencies", "python"]];
        let version = version.iter().find_map(|path| find_value(&table, path)?.as_str());
        Ok(Some(Self {
            manager,
            lock_file,
            is_package: is_described_elsewhere || is_package(source, &table)?,
            is_settings_only: !is_project && !is_described_elsewhere,
            declares_dependencies: declares_dependencies(&table),
            is_self_contained: !refers_to_files(&text),
            version: version.and_then(|text| VersionRequest::new("pyproject.toml", text)),
            text,
        }))
    }
}

/// Finds the value at a path of keys.
pub fn find_value<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() { Some(value) } else { find_value(value.as_table()?, rest) }
}

fn find_manager(source: &dyn SourceTree, table: &Table) -> Result<(DependencyManager, Option<&'static str>)> {
    for (lock, manager) in [
        ("uv.lock", DependencyManager::Uv),
        ("poetry.lock", DependencyManager::Poetry),
        ("pdm.lock", DependencyManager::Pdm),
    ] {
        if source.has_file(lock)? {
            return Ok((manager, Some(lock)));
        }
    }
    // pip does not understand Poetry's own dependencies.
    let poetry = find_value(table, &["tool", "poetry", "dependencies"]).is_some()
        && find_value(table, &["project", "dependencies"]).is_none();
    Ok((if poetry { DependencyManager::Poetry } else { DependencyManager::Pip }, None))
}

/// True when the project is to be installed as a package.
fn is_package(source: &dyn SourceTree, table: &Table) -> Result<bool> {
    let refuses =
        [["tool", "uv", "package"], ["tool", "poetry", "package-mode"], ["tool", "pdm", "distribution"]];
    if refuses.iter().any(|path| find_value(table, path).and_then(Value::as_bool) == Some(false)) {
        return Ok(false);
    }
    let forced = find_value(table, &["tool", "uv", "package"]).and_then(Value::as_bool) == Some(true);
    if !forced && !table.contains_key("build-system") {
        return Ok(false);
    }
    let declared = [
        &["project", "scripts"][..],
        &["project", "entry-points"],
        &["tool", "poetry", "scripts"],
        &["tool", "poetry", "packages"],
        &["tool", "setuptools", "packages"],
        &["tool", "setuptools", "py-modules"],
        &["tool", "hatch", "build"],
        &["tool", "flit", "module"],
    ];
    if forced || declared.iter().any(|path| find_value(table, path).is_some()) {
        return Ok(true);
    }
    let name = [&["project", "name"][..], &["tool", "poetry", "name"]];
    let name = name.iter().find_map(|path| find_value(table, path)?.as_str()).unwrap_or_default();
    let module = name.to_lowercase().replace(['-', '.'], "_");
    let folders = source.list_folders()?;
    let is_module = |folder: &String| folder == "src" || folder.to_lowercase() == module;
    Ok(folders.iter().any(is_module) || source.list()?.contains(&format!("{module}.py")))
}

fn has_setup_file(source: &dyn SourceTree) -> Result<bool> {
    Ok(source.has_file("setup.py")? || source.has_file("setup.cfg")?)
}

fn declares_dependencies(table: &Table) -> bool {
    let has_items = |path: &[&str]| {
        find_value(table, path).and_then(Value::as_array).is_some_and(|items| !items.is_empty())
    };
    let is_dynamic = find_value(table, &["project", "dynamic"])
        .and_then(Value::as_array)
        .is_some_and(|fields| fields.iter().any(|field| field.as_str() == Some("dependencies")));
    let of_poetry = find_value(table, &["tool", "poetry", "dependencies"]).and_then(Value::as_table);
    let has_poetry_items = of_poetry.is_some_and(|items| items.keys().any(|name| name != "python"));
    has_items(&["project", "dependencies"]) || is_dynamic || has_poetry_items
}

/// Describes why a file is no TOML.
pub fn describe_toml_error(cause: &toml::de::Error) -> String {
    cause.message().chars().take(200).collect()
}

/// True when dependencies may be other files of the source.
pub fn refers_to_files(text: &str) -> bool {
    ["path =", "path=", "file:", "workspace", "../"].iter().any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::InMemorySource;

    fn read_project(files: &[(&str, &str)], folders: &[&str]) -> PythonProject {
        let source =
            files.iter().fold(InMemorySource::new(), |source, (name, text)| source.with_file(*name, *text));
        let source = folders.iter().fold(source, |source, name| source.with_folder(*name));
        PythonProject::read(&source).unwrap().unwrap()
    }

    const BUILD_SYSTEM: &str = "[build-system]\nrequires = [\"setuptools\"]\n";

    #[test]
    fn application_is_no_package() {
        let project = "[project]\nname = \"my-tool\"\nversion = \"1\"\n";
        for (text, folders) in [
            (project.to_owned(), &["static", "templates"][..]),
            (format!("{project}{BUILD_SYSTEM}"), &["static", "templates"]),
            (format!("{project}{BUILD_SYSTEM}[tool.uv]\npackage = false\n"), &["src"]),
            (
                format!("{BUILD_SYSTEM}[tool.poetry]\nname = \"my-tool\"\npackage-mode = false\n"),
                &["my_tool"],
            ),
        ] {
            let read = read_project(&[("pyproject.toml", &text)], folders);
            assert!(!read.is_package && !read.is_settings_only, "{text}");
        }
    }

    #[test]
    fn project_with_a_build_system_and_a_module_is_a_package() {
        let project = format!("[project]\nname = \"my-tool\"\nversion = \"1\"\n{BUILD_SYSTEM}");
        assert!(read_project(&[("pyproject.toml", &project)], &["my_tool", "static"]).is_package);
        assert!(read_project(&[("pyproject.toml", &project)], &["src"]).is_package);
        assert!(read_project(&[("pyproject.toml", &project), ("my_tool.py", "")], &[]).is_package);
        let scripts = format!("{project}[project.scripts]\nrun = \"x:main\"\n");
        assert!(read_project(&[("pyproject.toml", &scripts)], &[]).is_package);
    }

    #[test]
    fn lock_file_selects_the_manager() {
        let poetry =
            "[tool.poetry]\nname = \"p\"\n[tool.poetry.dependencies]\npython = \"^3.13\"\nsix = \"*\"\n";
        for (lock, manager) in [
            (None, DependencyManager::Poetry),
            (Some("poetry.lock"), DependencyManager::Poetry),
            (Some("uv.lock"), DependencyManager::Uv),
            (Some("pdm.lock"), DependencyManager::Pdm),
        ] {
            let lock_file = lock.map(|name| (name, ""));
            let files: Vec<_> = std::iter::once(("pyproject.toml", poetry)).chain(lock_file).collect();
            let read = read_project(&files, &[]);
            assert_eq!((read.manager, read.lock_file), (manager, lock));
            assert_eq!(read.version.map(|version| version.text).as_deref(), Some("^3.13"));
        }
    }

    #[test]
    fn invalid_file_is_refused() {
        let source = InMemorySource::new().with_file("pyproject.toml", "[project\n");
        assert_eq!(PythonProject::read(&source).unwrap_err().code(), "pyproject");
    }
}
