//! Node.js: `package.json`.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    packages::PackageName,
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    python::PYTHON_IMAGES,
    recipe::{BuildStage, RecipeStep},
    source::SourceTree,
    static_files::{SERVER_STEP, STATIC_BUILD_FOLDERS, StaticBuild},
    versions::{VersionNotation, VersionRequest, VersionedImage, choose_image},
};

/// Images with Node.js. The first is the default.
const NODE_IMAGES: &[VersionedImage] = &[
    VersionedImage { number: 18, version: "18", image: "node18" },
    VersionedImage { number: 20, version: "20", image: "node20" },
    VersionedImage { number: 24, version: "24", image: "node24" },
];

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
    engines: Option<Value>,
    main: Option<Value>,
}

impl Package {
    fn has_script(&self, name: &str) -> bool {
        self.scripts.get(name).is_some_and(Value::is_string)
    }

    /// Versions of all packages.
    fn versions(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.dependencies, &self.dev_dependencies, &self.optional_dependencies];
        lists.into_iter().flat_map(|list| list.values()).filter_map(Value::as_str)
    }

    /// True when the packages can be installed without the other files of the source.
    fn is_self_contained(&self) -> bool {
        let local =
            |version: &str| ["file:", "link:", ".", "/", "~/"].iter().any(|sign| version.starts_with(sign));
        self.workspaces.is_none()
            && !INSTALL_SCRIPTS.iter().any(|script| self.has_script(script))
            && !self.versions().any(local)
    }

    /// True when a package comes from a git repository.
    fn needs_git(&self) -> bool {
        let signs = ["git+", "git:", "github:", "gitlab:", "bitbucket:"];
        self.versions().any(|version| {
            let short = version.split_once('/').is_some_and(|(owner, _)| {
                !owner.is_empty() && owner.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            });
            short || signs.iter().any(|sign| version.starts_with(sign)) || version.ends_with(".git")
        })
    }

    /// True when nothing runs or builds an application: the packages are tools of its developers.
    fn is_tooling_only(&self) -> bool {
        self.dependencies.is_empty() && !["start", "build"].iter().any(|script| self.has_script(script))
    }
}

/// Detects Node.js by `package.json`; `None` without one. Error `package-json` (invalid).
pub fn detect_node(source: &impl SourceTree, has_procfile: bool) -> Result<Option<DetectedSource>> {
    let Some(package) = read_package(source)? else { return Ok(None) };
    let mut reasons = Vec::new();
    let (files, install) = choose_install_command(source, &mut reasons)?;
    let request = find_version_request(source, &package)?;
    let image = choose_image(NODE_IMAGES, VersionNotation::Node, "Node.js", request.as_ref(), &mut reasons);
    let mut steps = Vec::new();
    if package.needs_git() {
        reasons.push("Packages come from git repositories, so git is installed first.".to_owned());
        steps.push(RecipeStep::Install(vec![PackageName::from_known("git")]));
    }
    if package.is_self_contained() {
        steps.extend([RecipeStep::Copy(files), RecipeStep::Run(install), RecipeStep::CopyAll]);
    } else {
        reasons.push(
            "package.json refers to other files of the source, so everything is copied before packages are \
             installed."
                .to_owned(),
        );
        steps.extend([RecipeStep::CopyAll, RecipeStep::Run(install)]);
    }
    let start = guess_web_command(source, &package)?;
    let builds = package.has_script("build");
    if builds && matches!(start, StartCommand::Unknown(_)) && !has_procfile {
        return Ok(Some(plan_static_build(&package, image.image, steps, reasons)));
    }
    if builds {
        reasons.push(
            "package.json has a build script: it is run, then development packages are removed.".to_owned(),
        );
        steps.extend([RecipeStep::Run(BUILD_COMMAND), RecipeStep::Run(PRUNE_COMMAND)]);
    }
    steps.push(RecipeStep::Env("NODE_ENV", "production"));
    let recipe = BuildRecipe::Steps { base: image.image, steps, build_stage: None };
    Ok(Some(DetectedSource { kind: SourceKind::Node, recipe, reasons, start }))
}

/// True when `package.json` lists tools of the developers only, and builds and starts nothing.
pub fn has_tooling_only(source: &impl SourceTree) -> Result<bool> {
    let tooling = read_package(source)?.is_some_and(|package| package.is_tooling_only());
    Ok(tooling && !source.has_file("server.js")?)
}

fn read_package(source: &impl SourceTree) -> Result<Option<Package>> {
    let Some(text) = source.read("package.json")? else { return Ok(None) };
    let package = serde_json::from_str(&text).map_err(|cause| {
        Error::invalid("package-json", format!("package.json cannot be read: {cause}"))
            .help("npm reads the same file: try npm install on your machine")
    })?;
    Ok(Some(package))
}

/// Chooses the command, and the files that it reads.
fn choose_install_command(
    source: &impl SourceTree,
    reasons: &mut Vec<String>,
) -> Result<(Vec<&'static str>, &'static str)> {
    let mut files = vec!["package.json"];
    for lock in ["package-lock.json", "npm-shrinkwrap.json"] {
        if source.has_file(lock)? {
            files.push(lock);
        }
    }
    let install = match files.get(1) {
        Some(lock) => {
            reasons.push(format!("package.json: Node.js; npm installs the exact versions in {lock}."));
            CLEAN_INSTALL_COMMAND
        }
        None => {
            reasons.push("package.json: Node.js; npm installs its packages.".to_owned());
            reasons.push("Without package-lock.json builds may install different versions.".to_owned());
            INSTALL_COMMAND
        }
    };
    if source.has_file(".npmrc")? {
        files.push(".npmrc");
        reasons.push(".npmrc: npm uses its settings.".to_owned());
    }
    for other in ["yarn.lock", "pnpm-lock.yaml"] {
        if source.has_file(other)? {
            reasons.push(format!("{other} is ignored: packages are installed by npm."));
        }
    }
    Ok((files, install))
}

fn find_version_request(source: &impl SourceTree, package: &Package) -> Result<Option<VersionRequest>> {
    for file in [".nvmrc", ".node-version"] {
        if let Some(text) = source.read(file)?
            && let Some(request) = VersionRequest::new(file, &text)
        {
            return Ok(Some(request));
        }
    }
    let engine = package.engines.as_ref().and_then(|engines| engines.get("node")?.as_str());
    Ok(engine.and_then(|text| VersionRequest::new("engines in package.json", text)))
}

fn guess_web_command(source: &impl SourceTree, package: &Package) -> Result<StartCommand> {
    let npm =
        |reason: &str| StartCommand::Guessed { command: "npm start".to_owned(), reason: reason.to_owned() };
    if package.has_script("start") {
        return Ok(npm("package.json: script start"));
    }
    if source.has_file("server.js")? {
        return Ok(npm("server.js"));
    }
    let main = package.main.as_ref().and_then(Value::as_str).map(|path| path.trim_start_matches("./"));
    for file in ["index.js", "app.js"] {
        let is_main = main == Some(file) || main.is_none() && !package.dependencies.is_empty();
        if is_main && !package.has_script("build") && source.has_file(file)? {
            return Ok(StartCommand::Guessed { command: format!("node {file}"), reason: file.to_owned() });
        }
    }
    Ok(StartCommand::Unknown(Some("web: node FILE".to_owned())))
}

/// Plans a site that a build script makes: it is built in a stage, and served as static files.
fn plan_static_build(
    package: &Package,
    image: &'static str,
    mut steps: Vec<RecipeStep>,
    mut reasons: Vec<String>,
) -> DetectedSource {
    let script = package.scripts.get("build").and_then(Value::as_str).unwrap_or_default();
    let tool =
        STATIC_BUILD_FOLDERS.iter().find(|site| script.split_whitespace().any(|word| word == site.tool));
    steps.push(RecipeStep::Run(BUILD_COMMAND));
    let Some(StaticBuild { tool, folder, serve }) = tool else {
        reasons.push(
            "package.json has a build script and no start script, and the script is not one of a known site \
             generator."
                .to_owned(),
        );
        let recipe = BuildRecipe::Steps { base: image, steps, build_stage: None };
        let start = StartCommand::Unknown(Some("web: npm run SCRIPT".to_owned()));
        return DetectedSource { kind: SourceKind::Node, recipe, reasons, start };
    };
    reasons
        .push(format!("package.json: {tool} builds a site into {folder}/, which is served as static files."));
    let recipe = BuildRecipe::Steps {
        base: PYTHON_IMAGES[0].image,
        steps: vec![SERVER_STEP, RecipeStep::CopyBuilt(folder)],
        build_stage: Some(BuildStage { base: image, steps }),
    };
    let start = StartCommand::Guessed { command: (*serve).to_owned(), reason: format!("files in {folder}/") };
    DetectedSource { kind: SourceKind::StaticFiles, recipe, reasons, start }
}
