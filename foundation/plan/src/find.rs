//! What a source is, and what follows from it.

use hearth_base::{Error, Result};

use crate::{
    node,
    plan::{Kind, Plan, Recipe},
    procfile::{Processes, procfile},
    python::{self, Found},
    recipe::Step,
    source::Source,
};

/// The files by which a source says itself how it is built.
const OWN: [&str; 2] = ["Containerfile", "Dockerfile"];

/// What languages look like that are not known here.
const STRANGERS: [(&str, &str); 5] = [
    ("Cargo.toml", "Rust"),
    ("go.mod", "Go"),
    ("composer.json", "PHP"),
    ("Gemfile", "Ruby"),
    ("pom.xml", "Java"),
];

const PLAIN_BASE: &str = "bookworm";

/// Finds out how a source becomes an image.
pub fn plan(source: &impl Source) -> Result<Plan> {
    let named = source.read("Procfile")?.map(|text| procfile(&text)).transpose()?;
    let found = match own(source)? {
        Some(found) => Some(found),
        None => match python::find(source)? {
            Some(found) => Some(beside_python(found, source)?),
            None => match node::find(source)? {
                Some(found) => Some(found),
                None => files(source)?,
            },
        },
    };
    let found = match (found, &named) {
        (Some(found), _) => found,
        (None, Some(_)) => plain(),
        (None, None) => return Err(nothing(source)?),
    };
    let Found { kind, recipe, mut because, web } = found;
    let processes = processes(kind, named, web, &mut because);
    Ok(Plan { kind, recipe, processes, because })
}

fn own(source: &impl Source) -> Result<Option<Found>> {
    for file in OWN {
        if source.has_file(file)? {
            let because = vec![format!("{file}: it says how the image is made, and is used as it is.")];
            return Ok(Some(Found { kind: Kind::Own, recipe: Recipe::Own(file), because, web: None }));
        }
    }
    Ok(None)
}

fn beside_python(mut found: Found, source: &impl Source) -> Result<Found> {
    if source.has_file("package.json")? {
        found.because.push(
            "package.json is there too; npm is not run. To use both, write a Containerfile.".to_owned(),
        );
    }
    Ok(found)
}

fn files(source: &impl Source) -> Result<Option<Found>> {
    let (path, web) = if source.has_file("public/index.html")? {
        ("public/index.html", "exec python3 -m http.server \"${PORT:-8000}\" --directory public")
    } else if source.has_file("index.html")? {
        ("index.html", "exec python3 -m http.server \"${PORT:-8000}\"")
    } else {
        return Ok(None);
    };
    let because = vec![format!("{path}: static files; they are served as they are.")];
    let recipe = Recipe::Steps { base: python::BASE, steps: vec![Step::CopyAll] };
    Ok(Some(Found { kind: Kind::Static, recipe, because, web: Some(web) }))
}

fn plain() -> Found {
    let because = vec![
        "Procfile, and no language that is known here: the files are put on Debian as they are.".to_owned(),
    ];
    let recipe = Recipe::Steps { base: PLAIN_BASE, steps: vec![Step::CopyAll] };
    Found { kind: Kind::Plain, recipe, because, web: None }
}

fn processes(
    kind: Kind,
    named: Option<Processes>,
    web: Option<&'static str>,
    because: &mut Vec<String>,
) -> Processes {
    if let Some(named) = named {
        let names: Vec<&str> = named.keys().map(String::as_str).collect();
        because.push(format!("Procfile: the processes are {}.", names.join(", ")));
        return named;
    }
    if let Some(web) = web {
        because.push(format!("There is no Procfile: the process web is {web:?}."));
        return Processes::from([("web".to_owned(), web.to_owned())]);
    }
    because.push(match kind {
        Kind::Own => "There is no Procfile: the image starts as its own file says.".to_owned(),
        _ => {
            "There is no Procfile: jobs name their whole command. A line such as web: COMMAND in a Procfile \
              gives it a name."
                .to_owned()
        }
    });
    Processes::new()
}

/// What was looked for, and what to add.
fn nothing(source: &impl Source) -> Result<Error> {
    let mut error = Error::invalid(
        "nothing-recognised",
        "nothing in the source says how to build it: there is no Containerfile, Dockerfile, requirements.txt, \
         pyproject.toml, package.json, index.html, public/index.html or Procfile at its top",
    );
    for (file, language) in STRANGERS {
        if source.has_file(file)? {
            error = error.also(format!("{file} looks like {language}, which needs a Containerfile"));
        }
    }
    for file in ["app.py", "main.py", "setup.py"] {
        if source.has_file(file)? {
            error = error
                .also(format!("{file} looks like Python, which needs a requirements.txt, if an empty one"));
            break;
        }
    }
    let names = source.list()?;
    let cut = |name: &String| name.chars().take(60).collect::<String>().escape_debug().to_string();
    let shown: Vec<String> = names.iter().take(12).map(cut).collect();
    error = error.also(match (shown.len(), names.len()) {
        (0, _) => "the source is empty".to_owned(),
        (some, all) if some < all => format!("at its top are {} and {} more", shown.join(", "), all - some),
        _ => format!("at its top is only {}", shown.join(", ")),
    });
    Ok(error.help("add a Procfile with a line such as web: COMMAND, or a Containerfile"))
}
