//! Sources whose language needs a Containerfile, and applications in a subfolder.

use hearth_base::{Error, Result, join_first_names};

use crate::{procfile::Processes, source::SourceTree};

/// Maximum number of listed files and folders of a source.
const MAX_LISTED_NAMES: usize = 12;

/// Files of languages that need a Containerfile.
const UNSUPPORTED_LANGUAGES: [(&str, &str); 6] = [
    ("Cargo.toml", "Rust"),
    ("go.mod", "Go"),
    ("Gemfile", "Ruby"),
    ("pom.xml", "Java"),
    ("build.gradle", "Java"),
    ("build.gradle.kts", "Java"),
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

/// Maximum number of applications in subfolders that a message names.
const MAX_NAMED_SUBFOLDERS: usize = 5;

/// Refuses a source whose processes need a language that is not supported, or an application in a subfolder, before it
/// is built. Error `language-unsupported` (invalid).
pub fn refuse_unsupported_language(source: &dyn SourceTree, processes: &Processes) -> Result<()> {
    let languages = list_unsupported_languages(source)?;
    if let Some((first, rest)) = languages.split_first() {
        let error = Error::invalid("language-unsupported", first.clone());
        let error = rest.iter().fold(error, |error, sentence| error.and_message(sentence));
        return Err(error
            .and_message("A Procfile alone cannot build it: its commands would not be found.")
            .help("add a Containerfile that builds the program"));
    }
    let applications = list_subfolder_applications(source)?;
    let entered = applications.iter().find(|path| {
        let folder = path.split('/').next().unwrap_or_default();
        processes.values().any(|command| mentions_folder(command, folder))
    });
    match entered {
        Some(path) => Err(build_subfolder_error(
            format!("the processes need {path}, but only files in the top folder define a build"),
            path,
        )),
        None => Ok(()),
    }
}

/// Describes applications in subfolders that a build ignores.
pub fn describe_subfolders(source: &dyn SourceTree) -> Result<Option<String>> {
    let manifests = ["requirements.txt", "pyproject.toml", "package.json"];
    let found = list_subfolder_applications(source)?;
    let named: Vec<&str> = found
        .iter()
        .map(String::as_str)
        .filter(|path| manifests.iter().any(|manifest| path.ends_with(&format!("/{manifest}"))))
        .collect();
    Ok((!named.is_empty()).then(|| format!("Nothing is installed for {}.", named.join(", "))))
}

/// Builds the error for an unrecognized source: the expected files, and a next step.
pub fn build_unrecognized_error(source: &dyn SourceTree) -> Result<Error> {
    let mut error = Error::invalid(
        "nothing-recognised",
        "the source has no file that defines its build: no Containerfile, Dockerfile, requirements.txt, \
         pyproject.toml, package.json, composer.json, index.php, index.html, public/index.html or Procfile in its top \
         folder",
    );
    for sentence in list_unsupported_languages(source)? {
        error = error.and_message(sentence);
    }
    let names = source.list()?;
    let python = ["app.py", "main.py", "setup.py", "manage.py", "Pipfile"].into_iter().map(str::to_owned);
    let program = names.iter().filter(|name| name.ends_with(".py")).cloned();
    let python = python.filter(|file| names.contains(file)).chain(program).next();
    if let Some(file) = &python {
        error = error.and_message(format!(
            "{file:.60} looks like Python, which needs a requirements.txt with its packages; it may be empty"
        ));
    }
    let cut = |name: &String| name.chars().take(60).collect::<String>().escape_debug().to_string();
    let shown: Vec<String> = names.iter().map(cut).collect();
    let listed = join_first_names(&shown, MAX_LISTED_NAMES);
    error = error.and_message(match shown.len() {
        0 => "the source is empty".to_owned(),
        all if all > MAX_LISTED_NAMES => format!("its top folder contains {listed}"),
        _ => format!("its top folder contains only {listed}"),
    });
    let applications = list_subfolder_applications(source)?;
    Ok(match applications.first() {
        Some(first) => build_subfolder_help(
            error.and_message(format!("applications are in subfolders: {}", applications.join(", "))),
            first,
        ),
        None if python.is_some() => error.help("add a requirements.txt"),
        None => error.help("add a Procfile with a line such as web: COMMAND, or a Containerfile"),
    })
}

fn list_unsupported_languages(source: &dyn SourceTree) -> Result<Vec<String>> {
    let mut sentences = Vec::new();
    for (file, language) in UNSUPPORTED_LANGUAGES {
        if source.has_file(file)? {
            sentences.push(format!("{file} looks like {language}, which needs a Containerfile"));
        }
    }
    Ok(sentences)
}

/// Lists files that define applications in subfolders, one per folder.
fn list_subfolder_applications(source: &dyn SourceTree) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for manifest in SUBFOLDER_MANIFESTS {
        for path in source.find_in_folders(manifest)? {
            let folder = path.split('/').next().unwrap_or_default();
            let is_plain = folder.len() <= 60 && folder.bytes().all(is_folder_byte);
            let is_new = !found.iter().any(|known| known.split('/').next() == Some(folder));
            if is_plain && is_new && found.len() < MAX_NAMED_SUBFOLDERS {
                found.push(path);
            }
        }
    }
    Ok(found)
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

fn build_subfolder_error(message: String, path: &str) -> Error {
    build_subfolder_help(Error::invalid("language-unsupported", message), path)
}

fn build_subfolder_help(error: Error, path: &str) -> Error {
    let folder = path.split('/').next().unwrap_or_default();
    error.help(format!("hearth deploy {folder}; for a repository: hearth deploy ADDRESS --folder {folder}"))
}
