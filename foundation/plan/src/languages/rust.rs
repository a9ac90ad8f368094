//! Rust: `Cargo.toml`, a package or a workspace.

use hearth_base::{Error, Result};
use serde::Deserialize;
use toml::Value;

use super::{DetectionContext, programs};
use crate::{
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    recipe::{BuildStage, RecipeStep, StageName},
    source::SourceTree,
    versions::{VersionNotation, VersionRequest, VersionedImage, choose_image},
};

/// Images with Rust. The first is the default: a newer compiler compiles what an older one does, and the versions in a
/// lock file often need a new one.
const RUST_IMAGES: &[VersionedImage] = &[
    VersionedImage { number: 199, version: "of Debian testing", image: "rust-current" },
    VersionedImage { number: 185, version: "1.85", image: "rust1.85" },
];

/// Compiles the dependencies before the source is copied, so that a change of the source compiles only itself.
const BUILD_DEPENDENCIES_COMMAND: &str =
    "mkdir src && echo 'fn main() {}' > src/main.rs && cargo build --release --locked && rm -r src";
/// The file may be older than the placeholder that was compiled before.
const BUILD_PACKAGE_COMMAND: &str = "touch src/main.rs && cargo build --release --locked";
const BUILD_LOCKED_COMMAND: &str = "cargo build --release --locked --workspace --bins";
const BUILD_COMMAND: &str = "cargo build --release --workspace --bins";
/// Keeps the programs only.
const COLLECT_COMMAND: &str = "mkdir -p bin && find target/release -maxdepth 1 -type f -perm /111 ! -name '*.so' \
                               -exec mv -t bin {} + && rm -rf target";

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Manifest {
    package: Option<Package>,
    workspace: Option<Value>,
    lib: Option<Value>,
    #[serde(rename = "bin")]
    programs: Vec<Program>,
    example: Option<Value>,
    test: Option<Value>,
    bench: Option<Value>,
    patch: Option<Value>,
    /// True when it names files or folders.
    #[serde(skip)]
    has_paths: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Package {
    name: String,
    default_run: Option<String>,
    rust_version: Option<Value>,
    build: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Program {
    name: String,
}

impl Manifest {
    /// Reads the manifest at a path; `None` without one. Error `cargo-toml` (invalid).
    fn read(source: &dyn SourceTree, path: &str) -> Result<Option<Self>> {
        let Some(text) = source.read(path)? else { return Ok(None) };
        let manifest: Self = toml::from_str(&text).map_err(|cause| {
            let cause: String = cause.message().chars().take(200).collect();
            Error::invalid("cargo-toml", format!("{path:.80} cannot be read: {}", cause.escape_debug()))
                .help("cargo reads the same file: try cargo check on your machine")
        })?;
        Ok(Some(Self { has_paths: text.contains("path"), ..manifest }))
    }

    /// Names of the programs of its package. `has_main` says that it has `src/main.rs`.
    fn list_programs(&self, has_main: bool) -> Vec<String> {
        let declared = self.programs.iter().map(|program| &program.name);
        let main = self.package.iter().map(|package| &package.name).filter(|_| has_main);
        let mut names: Vec<String> =
            declared.chain(main).filter(|name| programs::is_program_name(name)).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// True when the dependencies compile with a placeholder for `src/main.rs`.
    fn is_single_program(&self) -> bool {
        let others = [&self.workspace, &self.lib, &self.example, &self.test, &self.bench, &self.patch];
        self.package.as_ref().is_some_and(|package| package.build.is_none())
            && self.programs.is_empty()
            && others.iter().all(|other| other.is_none())
            && !self.has_paths
    }
}

/// Detects Rust by `Cargo.toml`; `None` without one. Error `cargo-toml` (invalid).
pub fn detect_rust(source: &dyn SourceTree, _: DetectionContext<'_>) -> Result<Option<DetectedSource>> {
    let Some(manifest) = Manifest::read(source, "Cargo.toml")? else { return Ok(None) };
    let mut reasons = vec![
        "Cargo.toml: Rust; cargo builds the programs in a stage of their own, and the image gets them in bin/."
            .to_owned(),
    ];
    let version = find_version_request(source, &manifest)?;
    if let Some(request) = version.as_ref().filter(|request| request.text.starts_with("nightly")) {
        reasons.push(format!(
            "{} asks for nightly Rust, which no image has: features of nightly need a Containerfile.",
            request.origin
        ));
    }
    let request = version.filter(|request| request.text.contains(|symbol: char| symbol.is_ascii_digit()));
    let request = request.filter(|request| !request.text.starts_with("nightly"));
    let image = choose_image(RUST_IMAGES, VersionNotation::Compiler, "Rust", request.as_ref(), &mut reasons);
    let steps = plan_programs(source, &manifest, &mut reasons)?;
    let start = find_start_command(source, &manifest)?;
    let recipe = BuildRecipe::Steps {
        base: programs::find_plain_image(image),
        steps: programs::plan_program_files(),
        stages: vec![BuildStage { name: StageName::Build, base: image.image, steps }],
    };
    Ok(Some(DetectedSource { kind: SourceKind::Rust, recipe, reasons, start }))
}

fn plan_programs(
    source: &dyn SourceTree,
    manifest: &Manifest,
    reasons: &mut Vec<String>,
) -> Result<Vec<RecipeStep>> {
    if !source.has_file("Cargo.lock")? {
        reasons.push(
            "Without Cargo.lock builds may get different versions: commit it, and remove it from .gitignore."
                .to_owned(),
        );
        return Ok(
            [RecipeStep::CopyAll, RecipeStep::Run(BUILD_COMMAND), RecipeStep::Run(COLLECT_COMMAND)].into()
        );
    }
    let others = ["src/lib.rs", "build.rs", ".cargo/config.toml"];
    let has_others =
        others.iter().map(|file| source.has_file(file)).collect::<Result<Vec<_>>>()?.contains(&true);
    if manifest.is_single_program() && source.has_file("src/main.rs")? && !has_others {
        reasons.push(
            "Cargo.lock: its exact versions are compiled before the other files are copied, and again only when \
             they change."
                .to_owned(),
        );
        return Ok(vec![
            RecipeStep::Copy(None, vec!["Cargo.toml", "Cargo.lock"]),
            RecipeStep::Run(BUILD_DEPENDENCIES_COMMAND),
            RecipeStep::CopyAll,
            RecipeStep::Run(BUILD_PACKAGE_COMMAND),
            RecipeStep::Run(COLLECT_COMMAND),
        ]);
    }
    reasons.push("Cargo.lock: cargo uses its exact versions.".to_owned());
    Ok([RecipeStep::CopyAll, RecipeStep::Run(BUILD_LOCKED_COMMAND), RecipeStep::Run(COLLECT_COMMAND)].into())
}

fn find_start_command(source: &dyn SourceTree, manifest: &Manifest) -> Result<StartCommand> {
    let package = manifest.package.as_ref();
    let default = package.and_then(|package| package.default_run.as_deref());
    let mut names = manifest.list_programs(source.has_file("src/main.rs")?);
    if manifest.workspace.is_some() {
        let members = source.find_in_folders("Cargo.toml")?;
        for path in members.into_iter().chain(source.find_in_folders_of("crates", "Cargo.toml")?) {
            let Some(member) = Manifest::read(source, &path)? else { continue };
            let main = path.replace("Cargo.toml", "src/main.rs");
            names.extend(member.list_programs(source.has_file(&main)?));
        }
    }
    let own = default.or(package.map(|package| package.name.as_str()));
    Ok(match default.filter(|name| names.iter().any(|known| known == name)) {
        Some(name) => programs::guess_program(&[name.to_owned()], None, "default-run in Cargo.toml"),
        None => programs::guess_program(&names, own, "Cargo.toml"),
    })
}

fn find_version_request(source: &dyn SourceTree, manifest: &Manifest) -> Result<Option<VersionRequest>> {
    for file in ["rust-toolchain.toml", "rust-toolchain"] {
        let Some(text) = source.read(file)? else { continue };
        let channel = toml::from_str::<Value>(&text)
            .ok()
            .and_then(|file| Some(file.get("toolchain")?.get("channel")?.as_str()?.to_owned()));
        let channel = channel.or_else(|| (file == "rust-toolchain").then(|| text.clone()));
        if let Some(request) = channel.and_then(|channel| VersionRequest::new(file, &channel)) {
            return Ok(Some(request));
        }
    }
    let version = manifest.package.as_ref().and_then(|package| package.rust_version.as_ref()?.as_str());
    let shared = || manifest.workspace.as_ref()?.get("package")?.get("rust-version")?.as_str();
    Ok(version.or_else(shared).and_then(|text| VersionRequest::new("rust-version in Cargo.toml", text)))
}
