//! Static files: pages that are served as they are, or as a generator builds them.

use hearth_base::Result;

use super::DetectionContext;
use crate::{
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    recipe::{BuildStage, RecipeStep},
    source::SourceTree,
    source_path::SourcePath,
};

/// Image with the server of static files, `static-server` (`apps/static-server`).
const STATIC_IMAGE: &str = "static";

/// Image for pages with declared processes. They may be of Python, which was part of the image of all pages once.
const STATIC_IMAGE_WITH_PYTHON: &str = "python3.11-slim";

/// Places of a page, with their folders.
const FRONT_PAGES: [(&str, &str); 3] =
    [("public/index.html", "public"), ("public_html/index.html", "public_html"), ("index.html", ".")];

/// Detects a page by its `index.html`; `None` without one.
pub fn detect_static_files(
    source: &dyn SourceTree,
    context: DetectionContext<'_>,
) -> Result<Option<DetectedSource>> {
    let Some((path, folder)) = find_front_page(source)? else { return Ok(None) };
    let mut reasons = vec![format!("{path}: static files; they are served unchanged.")];
    if source.has_file("package.json")? {
        reasons.push("package.json lists tools of the developers only; npm is not run.".to_owned());
    }
    Ok(Some(DetectedSource {
        kind: SourceKind::StaticFiles,
        recipe: BuildRecipe::Steps {
            base: if context.has_processes() { STATIC_IMAGE_WITH_PYTHON } else { STATIC_IMAGE },
            steps: vec![RecipeStep::CopyAll],
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

/// Plans an image that serves a folder which the last stage builds.
pub fn plan_built_site(
    mut stages: Vec<BuildStage>,
    last: BuildStage,
    folder: SourcePath,
    reasons: Vec<String>,
) -> DetectedSource {
    let command = format_serve_command(folder.as_str());
    let reason = format!("files in {folder}/");
    let steps = vec![RecipeStep::CopyBuilt(last.name, Some(folder))];
    stages.push(last);
    DetectedSource {
        kind: SourceKind::StaticFiles,
        recipe: BuildRecipe::Steps { base: STATIC_IMAGE, steps, stages },
        reasons,
        start: StartCommand::Guessed { command, reason },
    }
}

/// Formats the command that serves a folder.
fn format_serve_command(folder: &str) -> String {
    format!("exec static-server \"${{PORT:-8000}}\" {folder}")
}
