//! Node.js: `package.json`.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    plan::{BuildRecipe, SourceKind},
    python::DetectedSource,
    recipe::RecipeStep,
    source::SourceTree,
};

const NODE_BASE_IMAGE: &str = "node18";
const CLEAN_INSTALL_COMMAND: &str = "npm ci --no-audit --no-fund";
const INSTALL_COMMAND: &str = "npm install --no-audit --no-fund";
const BUILD_COMMAND: &str = "npm run build";
const PRUNE_COMMAND: &str = "npm prune --omit=dev --no-audit --no-fund";

/// Scripts that npm runs during an installation.
const INSTALL_SCRIPTS: [&str; 5] = ["preinstall", "install", "postinstall", "prepublish", "prepare"];

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Package {
    scripts: BTreeMap<String, Value>,
    dependencies: BTreeMap<String, Value>,
    dev_dependencies: BTreeMap<String, Value>,
    optional_dependencies: BTreeMap<String, Value>,
    workspaces: Option<Value>,
}

impl Package {
    fn has_script(&self, name: &str) -> bool {
        self.scripts.get(name).is_some_and(Value::is_string)
    }

    /// True when the packages can be installed without the other files of the source.
    fn is_self_contained(&self) -> bool {
        let lists = [&self.dependencies, &self.dev_dependencies, &self.optional_dependencies];
        let local =
            |version: &str| ["file:", "link:", ".", "/", "~/"].iter().any(|sign| version.starts_with(sign));
        let mut versions = lists.iter().flat_map(|list| list.values()).filter_map(Value::as_str);
        self.workspaces.is_none()
            && !INSTALL_SCRIPTS.iter().any(|script| self.has_script(script))
            && !versions.any(local)
    }
}

/// Detects Node.js by `package.json`; `None` without one. Error `package-json` (invalid).
pub fn detect_node(source: &impl SourceTree) -> Result<Option<DetectedSource>> {
    let Some(text) = source.read("package.json")? else { return Ok(None) };
    let package: Package = serde_json::from_str(&text).map_err(|cause| {
        Error::invalid("package-json", format!("package.json cannot be read: {cause}"))
            .help("npm reads the same file: try npm install on your machine")
    })?;
    let mut reasons = Vec::new();
    let mut files = vec!["package.json"];
    for lock in ["package-lock.json", "npm-shrinkwrap.json"] {
        if source.has_file(lock)? {
            files.push(lock);
        }
    }
    let install = if files.len() > 1 {
        reasons.push(format!("package.json: Node.js; npm installs the exact versions in {}.", files[1]));
        CLEAN_INSTALL_COMMAND
    } else {
        reasons.push("package.json: Node.js; npm installs its packages.".to_owned());
        reasons.push("Without package-lock.json builds may install different versions.".to_owned());
        INSTALL_COMMAND
    };
    for other in ["yarn.lock", "pnpm-lock.yaml"] {
        if source.has_file(other)? {
            reasons.push(format!("{other} is ignored: packages are installed by npm."));
        }
    }
    let mut steps = if package.is_self_contained() {
        vec![RecipeStep::Copy(files), RecipeStep::Run(install), RecipeStep::CopyAll]
    } else {
        reasons.push(
            "package.json refers to other files of the source, so everything is copied before packages are \
             installed."
                .to_owned(),
        );
        vec![RecipeStep::CopyAll, RecipeStep::Run(install)]
    };
    if package.has_script("build") {
        reasons.push(
            "package.json has a build script: it is run, then development packages are removed.".to_owned(),
        );
        steps.extend([RecipeStep::Run(BUILD_COMMAND), RecipeStep::Run(PRUNE_COMMAND)]);
    }
    steps.push(RecipeStep::Env("NODE_ENV", "production"));
    let starts = package.has_script("start") || source.has_file("server.js")?;
    let recipe = BuildRecipe::Steps { base: NODE_BASE_IMAGE, steps };
    Ok(Some(DetectedSource {
        kind: SourceKind::Node,
        recipe,
        reasons,
        web_command: starts.then_some("npm start"),
    }))
}
