//! Node.js: `package.json`.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    plan::{Kind, Recipe},
    python::Found,
    recipe::Step,
    source::Source,
};

const BASE: &str = "node18";
const CLEAN: &str = "npm ci --no-audit --no-fund";
const LOOSE: &str = "npm install --no-audit --no-fund";
const BUILD: &str = "npm run build";
const PRUNE: &str = "npm prune --omit=dev --no-audit --no-fund";

/// The scripts that npm runs while it installs.
const WHILE_INSTALLING: [&str; 5] = ["preinstall", "install", "postinstall", "prepublish", "prepare"];

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

    /// Whether its packages can be installed before the rest of the source is there.
    fn stands_alone(&self) -> bool {
        let lists = [&self.dependencies, &self.dev_dependencies, &self.optional_dependencies];
        let local =
            |version: &str| ["file:", "link:", ".", "/", "~/"].iter().any(|sign| version.starts_with(sign));
        let mut versions = lists.iter().flat_map(|list| list.values()).filter_map(Value::as_str);
        self.workspaces.is_none()
            && !WHILE_INSTALLING.iter().any(|script| self.has_script(script))
            && !versions.any(local)
    }
}

/// Node.js, if it is.
pub fn find(source: &impl Source) -> Result<Option<Found>> {
    let Some(text) = source.read("package.json")? else { return Ok(None) };
    let package: Package = serde_json::from_str(&text).map_err(|cause| {
        Error::invalid("package-json", format!("package.json cannot be read: {cause}"))
            .help("npm reads the same file: try npm install on your machine")
    })?;
    let mut because = Vec::new();
    let mut files = vec!["package.json"];
    for lock in ["package-lock.json", "npm-shrinkwrap.json"] {
        if source.has_file(lock)? {
            files.push(lock);
        }
    }
    let install = if files.len() > 1 {
        because.push(format!("package.json: Node.js; npm installs exactly what {} says.", files[1]));
        CLEAN
    } else {
        because.push("package.json: Node.js; npm installs its packages.".to_owned());
        because.push("Without package-lock.json each build may get other versions.".to_owned());
        LOOSE
    };
    for other in ["yarn.lock", "pnpm-lock.yaml"] {
        if source.has_file(other)? {
            because.push(format!("{other} is not read: npm is what installs packages here."));
        }
    }
    let mut steps = if package.stands_alone() {
        vec![Step::Copy(files), Step::Run(install), Step::CopyAll]
    } else {
        because.push(
            "package.json refers to other files of the source, so everything is copied before packages are \
             installed."
                .to_owned(),
        );
        vec![Step::CopyAll, Step::Run(install)]
    };
    if package.has_script("build") {
        because.push(
            "package.json has a build script: it is run, and what only it needed is removed.".to_owned(),
        );
        steps.extend([Step::Run(BUILD), Step::Run(PRUNE)]);
    }
    steps.push(Step::Env("NODE_ENV", "production"));
    let starts = package.has_script("start") || source.has_file("server.js")?;
    let recipe = Recipe::Steps { base: BASE, steps };
    Ok(Some(Found { kind: Kind::Node, recipe, because, web: starts.then_some("npm start") }))
}
