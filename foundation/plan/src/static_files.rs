//! Static files: pages that are served as they are.

use hearth_base::Result;

use crate::{
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    python::PYTHON_IMAGES,
    recipe::RecipeStep,
    source::SourceTree,
};

/// Site that a tool builds.
pub struct StaticBuild {
    /// Name of the tool in the build script.
    pub tool: &'static str,
    /// Folder that it writes.
    pub folder: &'static str,
    /// Command that serves the folder.
    pub serve: &'static str,
}

/// Command that serves a folder with the program of [`SERVER_STEP`].
macro_rules! serve_folder {
    ($folder:literal) => {
        concat!("exec python3 /usr/local/lib/static_server.py \"${PORT:-8000}\" ", $folder)
    };
}

/// Step that adds the static server to an image with Python. It is a part of the recipe, not of the base image, so
/// that a printed Containerfile is complete.
pub const SERVER_STEP: RecipeStep =
    RecipeStep::WriteFile { path: "/usr/local/lib/static_server.py", text: include_str!("static_server.py") };

const SERVE_DIST_COMMAND: &str = serve_folder!("dist");
const SERVE_BUILD_COMMAND: &str = serve_folder!("build");

/// Tools that build sites.
pub const STATIC_BUILD_FOLDERS: [StaticBuild; 8] = [
    StaticBuild { tool: "vite", folder: "dist", serve: SERVE_DIST_COMMAND },
    StaticBuild { tool: "vue-cli-service", folder: "dist", serve: SERVE_DIST_COMMAND },
    StaticBuild { tool: "parcel", folder: "dist", serve: SERVE_DIST_COMMAND },
    StaticBuild { tool: "astro", folder: "dist", serve: SERVE_DIST_COMMAND },
    StaticBuild { tool: "webpack", folder: "dist", serve: SERVE_DIST_COMMAND },
    StaticBuild { tool: "react-scripts", folder: "build", serve: SERVE_BUILD_COMMAND },
    StaticBuild { tool: "docusaurus", folder: "build", serve: SERVE_BUILD_COMMAND },
    StaticBuild { tool: "eleventy", folder: "_site", serve: serve_folder!("_site") },
];

/// Places of a page, with the commands that serve them.
const FRONT_PAGES: [(&str, &str); 3] = [
    ("public/index.html", serve_folder!("public")),
    ("public_html/index.html", serve_folder!("public_html")),
    ("index.html", serve_folder!(".")),
];

/// Detects a page by its `index.html`; `None` without one.
pub fn detect_static_files(source: &impl SourceTree) -> Result<Option<DetectedSource>> {
    for (path, command) in FRONT_PAGES {
        if source.has_file(path)? {
            return Ok(Some(DetectedSource {
                kind: SourceKind::StaticFiles,
                recipe: BuildRecipe::Steps {
                    base: PYTHON_IMAGES[0].image,
                    steps: vec![SERVER_STEP, RecipeStep::CopyAll],
                    build_stage: None,
                },
                reasons: vec![format!("{path}: static files; they are served unchanged.")],
                start: StartCommand::Guessed { command: command.to_owned(), reason: path.to_owned() },
            }));
        }
    }
    Ok(None)
}
