//! Static files: pages that are served as they are, or as a generator builds them.

use hearth_base::Result;

use super::{DetectionContext, python::PYTHON_IMAGES};
use crate::{
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    recipe::{BuildStage, RecipeStep},
    source::SourceTree,
    source_path::SourcePath,
};

/// Image with the server of static files.
const STATIC_IMAGE: &str = PYTHON_IMAGES[0].image;

/// Step that adds the static server to an image with Python. It is a part of the recipe, not of the base image, so
/// that a printed Containerfile is complete.
pub const SERVER_STEP: RecipeStep =
    RecipeStep::WriteFile { path: "/usr/local/lib/static_server.py", text: include_str!("static_server.py") };

/// Tools that build sites, with the folders that they write.
const SITE_GENERATORS: [(&str, &str); 9] = [
    ("vite", "dist"),
    ("vue-cli-service", "dist"),
    ("parcel", "dist"),
    ("astro", "dist"),
    ("webpack", "dist"),
    ("react-scripts", "build"),
    ("docusaurus", "build"),
    ("eleventy", "_site"),
    ("gatsby", "public"),
];

/// Places of a page, with their folders.
const FRONT_PAGES: [(&str, &str); 3] =
    [("public/index.html", "public"), ("public_html/index.html", "public_html"), ("index.html", ".")];

/// Detects a page by its `index.html`; `None` without one.
pub fn detect_static_files(source: &dyn SourceTree, _: DetectionContext) -> Result<Option<DetectedSource>> {
    let Some((path, folder)) = find_front_page(source)? else { return Ok(None) };
    let mut reasons = vec![format!("{path}: static files; they are served unchanged.")];
    if source.has_file("package.json")? {
        reasons.push("package.json lists tools of the developers only; npm is not run.".to_owned());
    }
    Ok(Some(DetectedSource {
        kind: SourceKind::StaticFiles,
        recipe: BuildRecipe::Steps {
            base: STATIC_IMAGE,
            steps: vec![SERVER_STEP, RecipeStep::CopyAll],
            stages: Vec::new(),
        },
        reasons,
        start: StartCommand::Guessed { command: format_serve_command(folder), reason: path.to_owned() },
    }))
}

/// Finds a page that is served unchanged: its path and its folder.
pub fn find_front_page(source: &dyn SourceTree) -> Result<Option<(&'static str, &'static str)>> {
    for (path, folder) in FRONT_PAGES {
        if source.has_file(path)? {
            return Ok(Some((path, folder)));
        }
    }
    Ok(None)
}

/// Finds the generator in a build script: its name, and the folder that it writes.
pub fn find_site_generator(script: &str) -> Option<(&'static str, &'static str)> {
    SITE_GENERATORS.into_iter().find(|(tool, _)| script.split_whitespace().any(|word| word == *tool))
}

/// Plans an image that serves a folder which the last stage builds.
pub fn plan_built_site(
    mut stages: Vec<BuildStage>,
    last: BuildStage,
    folder: SourcePath,
    reasons: Vec<String>,
) -> DetectedSource {
    let command = format_serve_command(folder.as_str());
    let reason = format!("files in {folder}/");
    let steps = vec![SERVER_STEP, RecipeStep::CopyBuilt(last.name, Some(folder))];
    stages.push(last);
    DetectedSource {
        kind: SourceKind::StaticFiles,
        recipe: BuildRecipe::Steps { base: STATIC_IMAGE, steps, stages },
        reasons,
        start: StartCommand::Guessed { command, reason },
    }
}

/// Formats the command that serves a folder with the program of [`SERVER_STEP`].
fn format_serve_command(folder: &str) -> String {
    format!("exec python3 /usr/local/lib/static_server.py \"${{PORT:-8000}}\" {folder}")
}
