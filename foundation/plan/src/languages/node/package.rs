//! `package.json`, and the installation of its packages by npm, pnpm or yarn.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    packages::PackageName,
    procfile::check_process,
    recipe::{BuildStage, RecipeStep, StageName},
    source::SourceTree,
    source_path::SourcePath,
    versions::{VersionNotation, VersionRequest, VersionedImage, choose_image},
};

/// Images with Node.js. The first is the default.
const NODE_IMAGES: &[VersionedImage] = &[
    VersionedImage { number: 18, version: "18", image: "node18" },
    VersionedImage { number: 20, version: "20", image: "node20" },
    VersionedImage { number: 24, version: "24", image: "node24" },
];

/// Images with the same Node.js without npm.
const SLIM_IMAGES: [(&str, &str); 3] =
    [("node18", "node18-slim"), ("node20", "node20-slim"), ("node24", "node24-slim")];

/// Finds the image without npm.
pub fn find_slim_image(image: VersionedImage) -> Option<&'static str> {
    SLIM_IMAGES.iter().find(|(full, _)| *full == image.image).map(|(_, slim)| *slim)
}

/// Name of the file that describes a package.
const MANIFEST_NAME: &str = "package.json";

/// Program that installs the packages.
pub struct PackageManager {
    name: &'static str,
    /// Its lock file.
    lock: Option<&'static str>,
    install: &'static str,
    pub build: &'static str,
    /// Removes the packages of the developers, where the program can.
    pub prune: Option<&'static str>,
}

/// Package managers with a lock file, in the order of precedence.
const PACKAGE_MANAGERS: [PackageManager; 4] = [
    PackageManager {
        name: "pnpm",
        lock: Some("pnpm-lock.yaml"),
        // pnpm 10 reads the lock files of pnpm 9 and later.
        install: "npm install --global --no-audit --no-fund \
                  \"pnpm@$(grep -q \"^lockfileVersion: '\\?[56]\" pnpm-lock.yaml && echo 8 || echo 10)\" && \
                  pnpm install --frozen-lockfile",
        build: "pnpm run build",
        prune: Some("CI=true pnpm prune --prod"),
    },
    PackageManager {
        name: "yarn",
        lock: Some("yarn.lock"),
        install: INSTALL_BY_YARN_COMMAND,
        build: BUILD_BY_YARN_COMMAND,
        prune: None,
    },
    PackageManager {
        name: "npm",
        lock: Some("package-lock.json"),
        install: "npm ci --no-audit --no-fund",
        build: "npm run build",
        prune: Some(NPM_PRUNE_COMMAND),
    },
    PackageManager {
        name: "npm",
        lock: Some("npm-shrinkwrap.json"),
        install: "npm ci --no-audit --no-fund",
        build: "npm run build",
        prune: Some(NPM_PRUNE_COMMAND),
    },
];

const NPM_WITHOUT_LOCK: PackageManager = PackageManager {
    name: "npm",
    lock: None,
    install: "npm install --no-audit --no-fund",
    build: "npm run build",
    prune: Some(NPM_PRUNE_COMMAND),
};

/// Installs by the yarn that wrote the lock file. Lock files of yarn 2 and later contain `__metadata` with the number of
/// their format, which another version would change; `packageManager` names the exact version. Yarn 2 and later do not
/// read npm's settings, and their own default is no folder `node_modules`, in which Node.js finds packages by itself.
/// Yarn 1 writes the address of each package into its lock file, so the operator's registry is written there instead.
const INSTALL_BY_YARN_COMMAND: &str = "registry=$(npm config get registry) && \
     export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt YARN_NODE_LINKER=node-modules \
     YARN_ENABLE_GLOBAL_CACHE=true YARN_NPM_REGISTRY_SERVER=\"${registry%/}\" && \
     case $registry in http:*) export YARN_UNSAFE_HTTP_WHITELIST='*';; esac && \
     if grep -q '^__metadata' yarn.lock; then \
     version=$(sed -n 's/.*\"packageManager\": *\"yarn@\\([0-9.]*\\).*/\\1/p' package.json); \
     [ -n \"$version\" ] || case $(sed -n 's/^  version: //p' yarn.lock | head -n 1) in \
     4) version=2;; [567]) version=3;; 8) version='~4.9';; *) version=4;; esac; \
     npm install --global --no-audit --no-fund \"@yarnpkg/cli-dist@$version\" && yarn install --immutable; \
     else npm install --global --no-audit --no-fund yarn@1 && \
     { ! grep -qs '^registry=' /etc/npmrc || \
     sed -i \"s#^  resolved \\\"https://[^/]*/\\(.*/-/\\)#  resolved \\\"${registry%/}/\\1#\" yarn.lock; } && \
     yarn install --frozen-lockfile; fi && rm -rf ~/.yarn ~/.cache";

/// Yarn 2 and later refuse a script when the packages are not where their linker puts them.
const BUILD_BY_YARN_COMMAND: &str = "YARN_NODE_LINKER=node-modules yarn run build";

/// Settings of the package managers that an installation reads besides the manifest and the lock file.
const SETTINGS_FILES: [&str; 3] = [".yarnrc.yml", "pnpm-workspace.yaml", ".pnpmfile.cjs"];

const NPM_PRUNE_COMMAND: &str = "npm prune --omit=dev --no-audit --no-fund";
/// Packages are needed to build the pages only.
const REMOVE_PACKAGES_COMMAND: &str = "rm -rf node_modules";

/// Maximum number of words of a script that are read.
const MAX_SCRIPT_WORDS: usize = 200;
/// Maximum number of scripts that a script runs.
const MAX_NESTED_SCRIPTS: usize = 16;

/// Scripts that npm runs during an installation.
const INSTALL_SCRIPTS: [&str; 5] = ["preinstall", "install", "postinstall", "prepublish", "prepare"];

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeManifest {
    scripts: BTreeMap<String, Value>,
    pub dependencies: BTreeMap<String, Value>,
    dev_dependencies: BTreeMap<String, Value>,
    optional_dependencies: BTreeMap<String, Value>,
    workspaces: Option<Value>,
    engines: Option<Value>,
    pub main: Option<Value>,
}

impl NodeManifest {
    pub fn read_script(&self, name: &str) -> Option<&str> {
        self.scripts.get(name).and_then(Value::as_str)
    }

    /// Returns the command of the script `start` where it starts with `node` and npm would add nothing to it.
    pub fn find_direct_command<'a>(&self, script: &'a str) -> Option<&'a str> {
        let has_hook = ["prestart", "poststart"].iter().any(|hook| self.read_script(hook).is_some());
        let is_process = check_process("web", script).is_ok();
        (!has_hook && is_process && super::starts_with_node(script)).then_some(script)
    }

    /// Lists the words of a script, and those of the scripts that it runs.
    pub fn expand_script(&self, name: &str) -> Vec<&str> {
        let mut expanded = vec![name];
        let mut words: Vec<&str> = Vec::new();
        let mut next = 0;
        while let Some(name) = expanded.get(next) {
            next += 1;
            for word in self.read_script(name).unwrap_or_default().split_whitespace().take(MAX_SCRIPT_WORDS) {
                let word = word.trim_matches(['"', '\'', '(', ')', ';']);
                words.push(word);
                if self.scripts.contains_key(word) && !expanded.contains(&word) && next < MAX_NESTED_SCRIPTS {
                    expanded.push(word);
                }
            }
        }
        words
    }

    /// True when a package is listed, also one of the developers.
    pub fn has_package(&self, name: &str) -> bool {
        self.dependencies.contains_key(name) || self.dev_dependencies.contains_key(name)
    }

    /// True when a package is listed for the developers only.
    pub fn is_development_package(&self, name: &str) -> bool {
        !self.dependencies.contains_key(name) && self.dev_dependencies.contains_key(name)
    }

    /// Versions of all packages.
    fn versions(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.dependencies, &self.dev_dependencies, &self.optional_dependencies];
        lists.into_iter().flat_map(|list| list.values()).filter_map(Value::as_str)
    }

    /// True when the packages can be installed without the other files of the source.
    fn is_self_contained(&self) -> bool {
        let local = |version: &str| {
            ["file:", "link:", "workspace:", ".", "/", "~/"].iter().any(|sign| version.starts_with(sign))
        };
        self.workspaces.is_none()
            && !INSTALL_SCRIPTS.iter().any(|script| self.read_script(script).is_some())
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
    pub fn is_tooling_only(&self) -> bool {
        self.dependencies.is_empty()
            && !["start", "build"].iter().any(|script| self.read_script(script).is_some())
    }
}

/// Package of Node.js in a folder of the source.
pub struct NodePackage {
    pub manifest: NodeManifest,
    folder: Option<SourcePath>,
    pub manager: &'static PackageManager,
    has_settings: bool,
    /// True when the packages can be installed without the other files of the source.
    is_self_contained: bool,
    version: Option<VersionRequest>,
}

impl NodePackage {
    /// Reads the package in a folder, by default the top folder; `None` without one. Error `package-json` (invalid).
    pub fn read(source: &dyn SourceTree, folder: Option<&SourcePath>) -> Result<Option<Self>> {
        let path = |name: &str| folder.map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"));
        let manifest_path = path(MANIFEST_NAME);
        let Some(text) = source.read(&manifest_path)? else { return Ok(None) };
        let manifest: NodeManifest = serde_json::from_str(&text).map_err(|cause| {
            Error::invalid("package-json", format!("{manifest_path} cannot be read: {cause}"))
                .help("npm reads the same file: try npm install on your machine")
        })?;
        let mut manager = &NPM_WITHOUT_LOCK;
        for known in PACKAGE_MANAGERS.iter().rev() {
            if let Some(lock) = known.lock
                && source.has_file(&path(lock))?
            {
                manager = known;
            }
        }
        let version = match folder {
            None => find_version_request(source)?,
            Some(_) => None,
        };
        let engine = manifest.engines.as_ref().and_then(|engines| engines.get("node")?.as_str());
        let engine = engine.and_then(|text| VersionRequest::new("engines in package.json", text));
        let mut is_self_contained = manifest.is_self_contained();
        for file in SETTINGS_FILES {
            is_self_contained &= !source.has_file(&path(file))?;
        }
        Ok(Some(Self {
            is_self_contained,
            folder: folder.cloned(),
            manager,
            has_settings: source.has_file(&path(".npmrc"))?,
            version: version.or(engine),
            manifest,
        }))
    }

    /// True when the installation does nothing: there are no packages, and no script that it runs.
    pub fn installs_nothing(&self) -> bool {
        let scripts = INSTALL_SCRIPTS.iter().any(|script| self.manifest.read_script(script).is_some());
        !scripts && self.manifest.workspaces.is_none() && self.manifest.versions().next().is_none()
    }

    /// True when it has a script that builds pages.
    pub fn has_build_script(&self) -> bool {
        self.manifest.read_script("build").is_some()
    }

    /// Plans the stage that builds the pages for a program of another language.
    pub fn plan_front_end_stage(&self, reasons: &mut Vec<String>) -> BuildStage {
        let place = self
            .folder
            .as_ref()
            .map_or_else(|| MANIFEST_NAME.to_owned(), |folder| format!("{folder}/{MANIFEST_NAME}"));
        reasons.push(format!(
            "{place}: {} builds the pages in a stage of its own, and the program gets the files.",
            self.manager.name
        ));
        if self.manager.lock.is_none() {
            self.describe_missing_lock(reasons);
        }
        let image = self.choose_image(reasons);
        let mut steps = self.plan_installation(reasons);
        steps.extend([RecipeStep::Run(self.manager.build), RecipeStep::Run(REMOVE_PACKAGES_COMMAND)]);
        BuildStage { name: StageName::FrontEnd, base: image.image, steps }
    }

    pub fn choose_image(&self, reasons: &mut Vec<String>) -> VersionedImage {
        choose_image(NODE_IMAGES, VersionNotation::Node, "Node.js", self.version.as_ref(), reasons)
    }

    /// Plans the steps up to the installed packages, with all files of the source.
    pub fn plan_installation(&self, reasons: &mut Vec<String>) -> Vec<RecipeStep> {
        let mut steps = Vec::new();
        if self.manifest.needs_git() {
            reasons.push("Packages come from git repositories, so git is installed first.".to_owned());
            steps.push(RecipeStep::Install(vec![PackageName::from_known("git")]));
        }
        let enter = || self.folder.clone().map(|folder| RecipeStep::EnterFolder(Some(folder)));
        let install = RecipeStep::Run(self.manager.install);
        if self.is_self_contained {
            let mut files = vec![MANIFEST_NAME];
            files.extend(self.manager.lock);
            files.extend(self.has_settings.then_some(".npmrc"));
            steps.extend(enter());
            steps.extend([RecipeStep::Copy(self.folder.clone(), files), install]);
            steps.extend(self.folder.is_some().then_some(RecipeStep::EnterFolder(None)));
            steps.push(RecipeStep::CopyAll);
            steps.extend(enter());
        } else {
            reasons.push(
                "package.json refers to other files of the source, so everything is copied before packages are \
                 installed."
                    .to_owned(),
            );
            steps.push(RecipeStep::CopyAll);
            steps.extend(enter());
            steps.push(install);
        }
        steps
    }

    fn describe_missing_lock(&self, reasons: &mut Vec<String>) {
        let folder = self.folder.as_ref().map(|folder| format!("{folder}/")).unwrap_or_default();
        reasons.push(format!(
            "Without {folder}package-lock.json builds may install different versions: run npm install, and commit it."
        ));
    }

    pub fn describe_installation(&self, source: &dyn SourceTree, reasons: &mut Vec<String>) -> Result<()> {
        let name = self.manager.name;
        match self.manager.lock {
            Some(lock) => {
                reasons.push(format!("package.json: Node.js; {name} installs the exact versions in {lock}."));
            }
            None => {
                reasons.push("package.json: Node.js; npm installs its packages.".to_owned());
                self.describe_missing_lock(reasons);
            }
        }
        if self.has_settings {
            reasons.push(format!(".npmrc: {name} uses its settings."));
        }
        for other in PACKAGE_MANAGERS.iter().filter_map(|known| known.lock) {
            if Some(other) != self.manager.lock && source.has_file(other)? {
                reasons.push(format!("{other} is ignored: packages are installed by {name}."));
            }
        }
        Ok(())
    }
}

fn find_version_request(source: &dyn SourceTree) -> Result<Option<VersionRequest>> {
    for file in [".nvmrc", ".node-version"] {
        if let Some(text) = source.read(file)?
            && let Some(request) = VersionRequest::new(file, &text)
        {
            return Ok(Some(request));
        }
    }
    Ok(None)
}
