//! Detection of Python: `requirements.txt`, `pyproject.toml`.

use hearth_base::Result;

use crate::{
    plan::{BuildRecipe, SourceKind},
    recipe::RecipeStep,
    source::SourceTree,
};

/// A detected source, before its processes are chosen.
pub struct DetectedSource {
    pub kind: SourceKind,
    pub recipe: BuildRecipe,
    pub reasons: Vec<String>,
    /// Command of the process `web`, when it can be derived.
    pub web_command: Option<&'static str>,
}

pub const PYTHON_BASE_IMAGE: &str = "python3.11";
const CREATE_VENV_COMMAND: &str = "python3 -m venv /opt/venv";
const INSTALL_REQUIREMENTS_COMMAND: &str = "pip install --no-cache-dir -r requirements.txt";
const INSTALL_PROJECT_COMMAND: &str = "pip install --no-cache-dir .";

/// Detects Python by `requirements.txt` or `pyproject.toml`; `None` without them.
pub fn detect_python(source: &impl SourceTree) -> Result<Option<DetectedSource>> {
    let mut reasons = Vec::new();
    let mut install = match source.read("requirements.txt")? {
        Some(text) if is_self_contained(&text) => {
            reasons.push(
                "requirements.txt: Python; its packages are installed before the other files are copied, and again \
                 only when it changes."
                    .to_owned(),
            );
            vec![
                RecipeStep::Copy(vec!["requirements.txt"]),
                RecipeStep::Run(INSTALL_REQUIREMENTS_COMMAND),
                RecipeStep::CopyAll,
            ]
        }
        Some(_) => {
            reasons.push(
                "requirements.txt: Python; it refers to other files of the source, so everything is copied \
                 before its packages are installed."
                    .to_owned(),
            );
            vec![RecipeStep::CopyAll, RecipeStep::Run(INSTALL_REQUIREMENTS_COMMAND)]
        }
        None => match source.read("pyproject.toml")? {
            Some(text) if is_project(&text) => {
                reasons.push("pyproject.toml: Python; pip installs the project.".to_owned());
                vec![RecipeStep::CopyAll, RecipeStep::Run(INSTALL_PROJECT_COMMAND)]
            }
            Some(_) => {
                reasons.push(
                    "pyproject.toml: Python; it defines no project, so pip installs nothing.".to_owned(),
                );
                vec![RecipeStep::CopyAll]
            }
            None => return Ok(None),
        },
    };
    if source.has_file("Pipfile")? {
        reasons.push("Pipfile is ignored.".to_owned());
    }
    if let Some(wanted) = source.read("runtime.txt")? {
        let wanted: String = wanted.trim().chars().filter(char::is_ascii_graphic).take(40).collect();
        if !wanted.starts_with("python-3.11") {
            reasons.push(format!("runtime.txt requires {wanted}; the image has Python 3.11."));
        }
    }
    let mut steps = vec![
        RecipeStep::Env("PYTHONUNBUFFERED", "1"),
        RecipeStep::Env("PATH", "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin"),
        RecipeStep::Run(CREATE_VENV_COMMAND),
    ];
    steps.append(&mut install);
    let recipe = BuildRecipe::Steps { base: PYTHON_BASE_IMAGE, steps };
    Ok(Some(DetectedSource { kind: SourceKind::Python, recipe, reasons, web_command: None }))
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

/// True when pip can install a project described by this `pyproject.toml`.
fn is_project(text: &str) -> bool {
    toml::from_str::<toml::Table>(text)
        .is_ok_and(|table| table.contains_key("project") || table.contains_key("build-system"))
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
