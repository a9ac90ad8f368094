//! Detection of a source's kind, and the resulting build plan.

use hearth_base::{Error, Result};

use crate::{
    node,
    plan::{BuildPlan, BuildRecipe, SourceKind},
    procfile::{Processes, parse_procfile},
    python::{self, DetectedSource},
    recipe::RecipeStep,
    source::SourceTree,
};

/// Names of a source's own Containerfile, in order of precedence.
const CONTAINERFILE_NAMES: [&str; 2] = ["Containerfile", "Dockerfile"];

/// Files of languages that need a Containerfile.
const UNSUPPORTED_LANGUAGES: [(&str, &str); 5] = [
    ("Cargo.toml", "Rust"),
    ("go.mod", "Go"),
    ("composer.json", "PHP"),
    ("Gemfile", "Ruby"),
    ("pom.xml", "Java"),
];

const PLAIN_BASE_IMAGE: &str = "bookworm";

/// Plans how a source becomes an image.
///
/// Errors: `procfile`, `package-json`, `source-file`, `nothing-recognised` (invalid).
pub fn plan_build(source: &impl SourceTree) -> Result<BuildPlan> {
    let declared = source.read("Procfile")?.map(|text| parse_procfile(&text)).transpose()?;
    let found = match detect_containerfile(source)? {
        Some(found) => Some(found),
        None => match python::detect_python(source)? {
            Some(found) => Some(note_ignored_package_json(found, source)?),
            None => match node::detect_node(source)? {
                Some(found) => Some(found),
                None => detect_static_files(source)?,
            },
        },
    };
    let found = match (found, &declared) {
        (Some(found), _) => found,
        (None, Some(_)) => plan_plain_files(),
        (None, None) => return Err(build_unrecognized_error(source)?),
    };
    let DetectedSource { kind, recipe, mut reasons, web_command } = found;
    let processes = choose_processes(kind, declared, web_command, &mut reasons);
    Ok(BuildPlan { kind, recipe, processes, reasons })
}

fn detect_containerfile(source: &impl SourceTree) -> Result<Option<DetectedSource>> {
    for file in CONTAINERFILE_NAMES {
        if source.has_file(file)? {
            let reasons = vec![format!("{file}: it defines how the image is built and is used unchanged.")];
            return Ok(Some(DetectedSource {
                kind: SourceKind::Containerfile,
                recipe: BuildRecipe::Containerfile(file),
                reasons,
                web_command: None,
            }));
        }
    }
    Ok(None)
}

fn note_ignored_package_json(mut found: DetectedSource, source: &impl SourceTree) -> Result<DetectedSource> {
    if source.has_file("package.json")? {
        found
            .reasons
            .push("package.json exists too; npm is not run. To use both, write a Containerfile.".to_owned());
    }
    Ok(found)
}

fn detect_static_files(source: &impl SourceTree) -> Result<Option<DetectedSource>> {
    let (path, web) = if source.has_file("public/index.html")? {
        ("public/index.html", "exec python3 -m http.server \"${PORT:-8000}\" --directory public")
    } else if source.has_file("index.html")? {
        ("index.html", "exec python3 -m http.server \"${PORT:-8000}\"")
    } else {
        return Ok(None);
    };
    let reasons = vec![format!("{path}: static files; they are served unchanged.")];
    let recipe = BuildRecipe::Steps { base: python::PYTHON_BASE_IMAGE, steps: vec![RecipeStep::CopyAll] };
    Ok(Some(DetectedSource { kind: SourceKind::StaticFiles, recipe, reasons, web_command: Some(web) }))
}

fn plan_plain_files() -> DetectedSource {
    let reasons =
        vec!["Procfile without a supported language: the files are copied unchanged onto Debian.".to_owned()];
    let recipe = BuildRecipe::Steps { base: PLAIN_BASE_IMAGE, steps: vec![RecipeStep::CopyAll] };
    DetectedSource { kind: SourceKind::PlainFiles, recipe, reasons, web_command: None }
}

fn choose_processes(
    kind: SourceKind,
    declared: Option<Processes>,
    web_command: Option<&'static str>,
    reasons: &mut Vec<String>,
) -> Processes {
    if let Some(named) = declared {
        let names: Vec<&str> = named.keys().map(String::as_str).collect();
        reasons.push(format!("Procfile: the processes are {}.", names.join(", ")));
        return named;
    }
    if let Some(web) = web_command {
        reasons.push(format!("There is no Procfile: the process web is {web:?}."));
        return Processes::from([("web".to_owned(), web.to_owned())]);
    }
    reasons.push(match kind {
        SourceKind::Containerfile => "There is no Procfile: the Containerfile defines the start command.".to_owned(),
        _ => {
            "There is no Procfile: jobs need a full command. A line such as web: COMMAND in a Procfile gives it \
             a name."
                .to_owned()
        }
    });
    Processes::new()
}

/// Builds the error for an unrecognized source: the expected files, and a next step.
fn build_unrecognized_error(source: &impl SourceTree) -> Result<Error> {
    let mut error = Error::invalid(
        "nothing-recognised",
        "the source has no file that defines its build: no Containerfile, Dockerfile, requirements.txt, \
         pyproject.toml, package.json, index.html, public/index.html or Procfile in its top folder",
    );
    for (file, language) in UNSUPPORTED_LANGUAGES {
        if source.has_file(file)? {
            error = error.and_message(format!("{file} looks like {language}, which needs a Containerfile"));
        }
    }
    for file in ["app.py", "main.py", "setup.py"] {
        if source.has_file(file)? {
            error = error.and_message(format!(
                "{file} looks like Python, which needs a requirements.txt; it may be empty"
            ));
            break;
        }
    }
    let names = source.list()?;
    let cut = |name: &String| name.chars().take(60).collect::<String>().escape_debug().to_string();
    let shown: Vec<String> = names.iter().take(12).map(cut).collect();
    error = error.and_message(match (shown.len(), names.len()) {
        (0, _) => "the source is empty".to_owned(),
        (some, all) if some < all => {
            format!("its top folder contains {} and {} more", shown.join(", "), all - some)
        }
        _ => format!("its top folder contains only {}", shown.join(", ")),
    });
    Ok(error.help("add a Procfile with a line such as web: COMMAND, or a Containerfile"))
}
