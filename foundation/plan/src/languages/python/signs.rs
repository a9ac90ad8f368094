//! Signs of Python beside its manifests: processes that start it, and files without a list of their packages.

use hearth_base::Result;

use crate::{procfile::Processes, source::SourceTree};

/// Names in the top folder that show a Python source without a file that lists its packages, with the next step. A
/// leading `*` stands for the beginning of a name.
pub const PYTHON_SIGNS: [(&str, &str); 7] = [
    ("environment.yml", "add a requirements.txt with the packages of environment.yml"),
    ("requirements", "add a requirements.txt with a line such as -r requirements/production.txt"),
    ("manage.py", ADD_REQUIREMENTS_HELP),
    ("app.py", ADD_REQUIREMENTS_HELP),
    ("main.py", ADD_REQUIREMENTS_HELP),
    ("*.py", ADD_REQUIREMENTS_HELP),
    ("*.ipynb", ADD_REQUIREMENTS_HELP),
];

const ADD_REQUIREMENTS_HELP: &str = "add a requirements.txt";

/// Those of [`PYTHON_SIGNS`] that list packages.
const OTHER_PACKAGE_LISTS: [&str; 2] = ["environment.yml", "requirements"];

/// Programs that start Python itself.
const PYTHON_INTERPRETERS: [&str; 2] = ["python", "python3"];

/// Programs that packages of Python contain.
const PACKAGED_PYTHON_PROGRAMS: [&str; 9] =
    ["gunicorn", "uvicorn", "flask", "waitress-serve", "hypercorn", "uwsgi", "daphne", "celery", "streamlit"];

/// True when the source lists packages of Python where no recipe reads them.
pub fn lists_packages_elsewhere(source: &dyn SourceTree) -> Result<bool> {
    let names = source.list()?;
    Ok(OTHER_PACKAGE_LISTS.iter().any(|list| names.iter().any(|name| name == list)))
}

/// True when Debian's packages of Python are among those of `Aptfile` or `hearth.yaml`.
pub fn installs_python_of_debian(source: &dyn SourceTree) -> Result<bool> {
    for file in ["Aptfile", "hearth.yaml"] {
        if source.read(file)?.is_some_and(|text| text.contains("python3-")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True when a process starts the interpreter of Python.
pub fn starts_interpreter(processes: &Processes) -> bool {
    mentions_program(processes, &PYTHON_INTERPRETERS)
}

/// True when a process starts Python, or a program of its packages.
pub fn starts_python(processes: &Processes) -> bool {
    starts_interpreter(processes) || mentions_program(processes, &PACKAGED_PYTHON_PROGRAMS)
}

fn mentions_program(processes: &Processes, programs: &[&str]) -> bool {
    let mut words = processes.values().flat_map(|command| command.split_whitespace());
    words.any(|word| programs.contains(&word))
}
