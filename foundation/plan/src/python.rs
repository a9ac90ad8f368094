//! Python: `requirements.txt`, `pyproject.toml`.

use hearth_base::Result;

use crate::{
    plan::{Kind, Recipe},
    recipe::Step,
    source::Source,
};

/// What was found of a language, without its processes.
pub struct Found {
    pub kind: Kind,
    pub recipe: Recipe,
    pub because: Vec<String>,
    /// What starts it, when that is obvious.
    pub web: Option<&'static str>,
}

pub const BASE: &str = "python3.11";
const VENV: &str = "python3 -m venv /opt/venv";
const REQUIREMENTS: &str = "pip install --no-cache-dir -r requirements.txt";
const PROJECT: &str = "pip install --no-cache-dir .";

/// Python, if it is.
pub fn find(source: &impl Source) -> Result<Option<Found>> {
    let mut because = Vec::new();
    let mut install = match source.read("requirements.txt")? {
        Some(text) if stands_alone(&text) => {
            because.push(
                "requirements.txt: Python; its packages are installed before the rest is copied, so they are \
                 installed again only when it changes."
                    .to_owned(),
            );
            vec![Step::Copy(vec!["requirements.txt"]), Step::Run(REQUIREMENTS), Step::CopyAll]
        }
        Some(_) => {
            because.push(
                "requirements.txt: Python; it refers to other files of the source, so everything is copied \
                 before its packages are installed."
                    .to_owned(),
            );
            vec![Step::CopyAll, Step::Run(REQUIREMENTS)]
        }
        None => match source.read("pyproject.toml")? {
            Some(text) if is_project(&text) => {
                because.push("pyproject.toml: Python; the project itself is installed by pip.".to_owned());
                vec![Step::CopyAll, Step::Run(PROJECT)]
            }
            Some(_) => {
                because.push(
                    "pyproject.toml: Python; it describes no project that pip could install, so nothing is."
                        .to_owned(),
                );
                vec![Step::CopyAll]
            }
            None => return Ok(None),
        },
    };
    if source.has_file("Pipfile")? {
        because.push("Pipfile is not read.".to_owned());
    }
    if let Some(wanted) = source.read("runtime.txt")? {
        let wanted: String = wanted.trim().chars().filter(char::is_ascii_graphic).take(40).collect();
        if !wanted.starts_with("python-3.11") {
            because.push(format!("runtime.txt asks for {wanted}; there is Python 3.11."));
        }
    }
    let mut steps = vec![
        Step::Env("PYTHONUNBUFFERED", "1"),
        Step::Env("PATH", "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin"),
        Step::Run(VENV),
    ];
    steps.append(&mut install);
    let recipe = Recipe::Steps { base: BASE, steps };
    Ok(Some(Found { kind: Kind::Python, recipe, because, web: None }))
}

/// Whether the requirements need no other file of the source.
fn stands_alone(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| {
        let path = line.starts_with('.') || line.starts_with('/') || line.contains("file:");
        let option = ["-r", "-c", "-e", "-f", "--requirement", "--constraint", "--editable", "--find-links"];
        let archive = line.ends_with(".whl") || line.ends_with(".tar.gz");
        !path && !archive && !option.iter().any(|option| line.starts_with(option))
    })
}

/// Whether pip finds something to install.
fn is_project(text: &str) -> bool {
    toml::from_str::<toml::Table>(text)
        .is_ok_and(|table| table.contains_key("project") || table.contains_key("build-system"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_that_refer_to_files_do_not_stand_alone() {
        assert!(stands_alone("flask==3.0\n# -r x\n--index-url https://packages.example/simple\n"));
        for line in ["-r base.txt", "-e .", "./lib", "-cconstraints.txt", "x @ file:///lib", "x.whl"] {
            assert!(!stands_alone(&format!("flask\n{line}\n")), "{line}");
        }
    }
}
