//! Sources that no language recognizes, and applications in a subfolder: what was found, and the next steps.

use std::fmt::Write as _;

use hearth_base::{Error, Result, join_first_names};

use crate::{
    languages::{PYTHON_SIGNS, installs_python_of_debian, list_manifest_names, starts_python},
    procfile::Processes,
    source::SourceTree,
};

/// Code of the error for a source that no language recognizes.
pub const UNRECOGNIZED_CODE: &str = "nothing-recognised";

/// Maximum number of listed files and folders of a source.
const MAX_LISTED_NAMES: usize = 12;

/// Names in the top folder that show another language. A leading `*` stands for the beginning of a name.
const UNSUPPORTED_LANGUAGES: &[(&str, &str)] = &[
    ("build.sbt", "Scala"),
    ("deno.json", "Deno"),
    ("deno.jsonc", "Deno"),
    ("Package.swift", "Swift"),
    ("mix.exs", "Elixir"),
    ("cpanfile", "Perl"),
    ("*.csproj", ".NET"),
    ("*.sln", ".NET"),
    ("Project.toml", "Julia"),
    ("DESCRIPTION", "R"),
    ("stack.yaml", "Haskell"),
    ("*.cabal", "Haskell"),
];

/// Files that define an application in a subfolder.
const SUBFOLDER_MANIFESTS: [&str; 13] = [
    "Containerfile",
    "Dockerfile",
    "Procfile",
    "requirements.txt",
    "pyproject.toml",
    "package.json",
    "composer.json",
    "index.php",
    "index.html",
    "Cargo.toml",
    "go.mod",
    "Gemfile",
    "pom.xml",
];

/// Folders whose files belong to the application above them.
const DEPENDENT_FOLDERS: [&str; 4] = ["templates", "layouts", "test", "tests"];

/// Maximum number of applications in subfolders that a message names.
const MAX_NAMED_SUBFOLDERS: usize = 5;

/// Next steps for a language without a recipe.
const OTHER_LANGUAGE_HELP: &str = "add a Containerfile that builds the program; or a hearth.yaml whose section build has \
                                   its packages, commands and processes";

/// Refuses a source whose processes need a language that is not supported, or an application in a subfolder, before it
/// is built. Error `language-unsupported` (invalid).
pub fn refuse_unsupported_language(source: &dyn SourceTree, processes: &Processes) -> Result<()> {
    let names = source.list()?;
    let languages = list_unsupported_languages(&names);
    if let Some((first, rest)) = languages.split_first() {
        let error = Error::invalid("language-unsupported", first.clone());
        let error = rest.iter().fold(error, |error, sentence| error.and_message(sentence));
        return Err(error
            .and_message("a Procfile alone cannot build it: its commands would not be found")
            .help(OTHER_LANGUAGE_HELP));
    }
    if starts_python(processes)
        && !installs_python_of_debian(source)?
        && let Some((file, help)) = find_python_sign(&names)
    {
        return Err(Error::invalid("language-unsupported", describe_python_sign(&file))
            .and_message("a Procfile alone installs no packages: its commands would not be found")
            .help(format!("{help}; or add a Containerfile")));
    }
    let applications = list_subfolder_applications(source)?;
    let entered = applications.iter().find(|path| {
        let folder = first_folder(path);
        processes.values().any(|command| mentions_folder(command, folder))
    });
    match entered {
        Some(path) => {
            let message =
                format!("the processes need {path}, but only files in the top folder define a build");
            Err(Error::invalid("language-unsupported", message).help(format_subfolder_help(path)))
        }
        None => Ok(()),
    }
}

/// Describes applications in subfolders that a build ignores. `built` are the folders of the front end; `None` when the
/// source declares that it has none.
pub fn describe_subfolders(source: &dyn SourceTree, built: Option<&[&str]>) -> Result<Option<String>> {
    let manifests = ["requirements.txt", "pyproject.toml", "package.json"];
    let found = list_subfolder_applications(source)?;
    let named: Vec<&str> = found
        .iter()
        .map(String::as_str)
        .filter(|path| manifests.iter().any(|manifest| path.ends_with(&format!("/{manifest}"))))
        .filter(|path| !built.unwrap_or_default().contains(&first_folder(path)))
        .collect();
    if named.is_empty() {
        return Ok(None);
    }
    let mut sentence = format!("Nothing is installed for {}.", named.join(", "));
    if built.is_some()
        && let Some(path) = named.iter().find(|path| path.ends_with("/package.json"))
    {
        let folder = first_folder(path);
        let _ =
            write!(sentence, " If it builds pages: front_end: {folder} in the section build of hearth.yaml.");
    }
    Ok(Some(sentence))
}

/// Finds the only folder of the top folder that contains an application.
pub fn find_only_application(source: &dyn SourceTree) -> Result<Option<String>> {
    let applications = list_subfolder_applications(source)?;
    Ok(match applications.as_slice() {
        [only] => Some(first_folder(only).to_owned()),
        _ => None,
    })
}

/// Builds the error for an unrecognized source: the expected files, the existing ones, and the next steps.
pub fn build_unrecognized_error(source: &dyn SourceTree) -> Result<Error> {
    let names = source.list()?;
    let mut error = Error::invalid(UNRECOGNIZED_CODE, "the source has no file that defines its build")
        .and_message(format!("looked in its top folder for {}, Procfile", list_manifest_names().join(", ")));
    error = error.and_message(format_found_names(&names));
    let languages = list_unsupported_languages(&names);
    for sentence in &languages {
        error = error.and_message(sentence);
    }
    let python = find_python_sign(&names);
    if let Some((file, _)) = &python {
        error = error.and_message(describe_python_sign(file));
    }
    let applications = list_subfolder_applications(source)?;
    if !applications.is_empty() {
        error = error.and_message(format!("applications are in subfolders: {}", applications.join(", ")));
    }
    Ok(match (applications.first(), languages.first(), python) {
        (Some(first), _, _) => error.help(format_subfolder_help(first)),
        (None, Some(_), _) => error.help(OTHER_LANGUAGE_HELP),
        (None, None, Some((_, help))) => error.help(format!("{help}; or add a Containerfile")),
        (None, None, None) => error.help(
            "add a Procfile with a line such as web: COMMAND, where the program needs no build; or a Containerfile",
        ),
    })
}

/// Finds a file or folder of a Python source that does not list its packages in a known way, with the next step.
fn find_python_sign(names: &[String]) -> Option<(String, &'static str)> {
    PYTHON_SIGNS.into_iter().find_map(|(sign, help)| Some((find_name(names, sign)?, help)))
}

fn describe_python_sign(file: &str) -> String {
    format!("{file:.60} looks like Python, which needs a requirements.txt with its packages; it may be empty")
}

fn format_found_names(names: &[String]) -> String {
    let cut = |name: &String| name.chars().take(60).collect::<String>().escape_debug().to_string();
    let shown: Vec<String> = names.iter().map(cut).collect();
    let listed = join_first_names(&shown, MAX_LISTED_NAMES);
    match shown.len() {
        0 => "the source is empty".to_owned(),
        all if all > MAX_LISTED_NAMES => format!("its top folder contains {listed}"),
        _ => format!("its top folder contains only {listed}"),
    }
}

/// Finds the first name that a pattern of [`UNSUPPORTED_LANGUAGES`] describes, escaped for a message.
fn find_name(names: &[String], pattern: &str) -> Option<String> {
    let fits = |name: &&String| match pattern.strip_prefix('*') {
        Some(end) => name.len() > end.len() && name.ends_with(end),
        None => *name == pattern,
    };
    names.iter().find(fits).map(|name| name.escape_debug().to_string())
}

fn list_unsupported_languages(names: &[String]) -> Vec<String> {
    let known = list_manifest_names();
    let unsupported = UNSUPPORTED_LANGUAGES.iter().copied().filter(|(sign, _)| !known.contains(sign));
    let found = unsupported.filter_map(|(sign, language)| Some((find_name(names, sign)?, language)));
    found
        .map(|(file, language)| format!("{file:.60} looks like {language}, which needs a Containerfile"))
        .collect()
}

/// Lists files that define applications in subfolders, one per folder.
fn list_subfolder_applications(source: &dyn SourceTree) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for manifest in SUBFOLDER_MANIFESTS {
        for path in source.find_in_folders(manifest)? {
            let folder = first_folder(&path);
            let is_plain = folder.len() <= 60 && folder.bytes().all(is_folder_byte);
            let is_new = !found.iter().any(|known| first_folder(known) == folder);
            if is_plain
                && is_new
                && !DEPENDENT_FOLDERS.contains(&folder)
                && found.len() < MAX_NAMED_SUBFOLDERS
            {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn first_folder(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

fn is_folder_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// True when a command contains the folder as a word of its own.
fn mentions_folder(command: &str, folder: &str) -> bool {
    command
        .split(|symbol: char| symbol.is_whitespace() || "/;&|()'\"=:".contains(symbol))
        .any(|word| word == folder)
}

fn format_subfolder_help(path: &str) -> String {
    let folder = first_folder(path);
    format!("hearth deploy {folder}; for a repository: hearth deploy ADDRESS --folder {folder}")
}
