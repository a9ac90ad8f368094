//! Go: `go.mod`, with programs at the top, in `cmd/`, or in a folder.

use hearth_base::Result;

use super::{DetectionContext, programs};
use crate::{
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    recipe::{BuildStage, RecipeStep, StageName},
    source::SourceTree,
    versions::{VersionNotation, VersionRequest, VersionedImage, choose_image},
};

/// Images with Go. The first is the default.
const GO_IMAGES: &[VersionedImage] = &[
    VersionedImage { number: 124, version: "1.24", image: "golang1.24" },
    VersionedImage { number: 199, version: "of Debian testing", image: "golang-current" },
];

const DOWNLOAD_COMMAND: &str = "go mod download";
/// Adds the missing modules and their hashes, as the developers would.
const TIDY_COMMAND: &str = "go mod tidy";

/// Places of the programs in a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProgramPlaces {
    Top,
    Commands,
    TopAndCommands,
    Anywhere,
}

impl ProgramPlaces {
    fn build_command(self) -> &'static str {
        match self {
            Self::Top => "mkdir -p bin && go build -buildvcs=false -trimpath -ldflags='-s -w' -o bin/ .",
            Self::Commands => {
                "mkdir -p bin && go build -buildvcs=false -trimpath -ldflags='-s -w' -o bin/ ./cmd/..."
            }
            Self::TopAndCommands => {
                "mkdir -p bin && go build -buildvcs=false -trimpath -ldflags='-s -w' -o bin/ . ./cmd/..."
            }
            Self::Anywhere => {
                "mkdir -p bin && go build -buildvcs=false -trimpath -ldflags='-s -w' -o bin/ ./..."
            }
        }
    }

    fn describe_places(self) -> &'static str {
        match self {
            Self::Top => "the program of the top folder is",
            Self::Commands => "the programs in cmd/ are",
            Self::TopAndCommands => "the programs of the top folder and in cmd/ are",
            Self::Anywhere => "the programs in all folders are",
        }
    }
}

/// A module, as far as its plan needs it.
struct GoModule {
    /// Name of the program at the top, where it can be known.
    name: Option<String>,
    /// Version that it asks for.
    version: Option<VersionRequest>,
    /// True when it needs other modules.
    has_requirements: bool,
    /// True when its modules are downloaded without the other files of the source.
    is_self_contained: bool,
    has_lock: bool,
}

impl GoModule {
    fn read(source: &dyn SourceTree) -> Result<Option<Self>> {
        let Some(text) = source.read("go.mod")? else { return Ok(None) };
        let lines = || text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
        let find_value = |word: &str| {
            lines().find_map(|line| line.strip_prefix(word)?.strip_prefix([' ', '\t']).map(str::trim))
        };
        let toolchain = find_value("toolchain").filter(|version| *version != "default");
        let version = toolchain.and_then(|version| VersionRequest::new("toolchain in go.mod", version));
        let directive = find_value("go").and_then(|version| VersionRequest::new("go.mod", version));
        let refers_to_files = lines().any(|line| line.contains("=> .") || line.contains("=> /"));
        Ok(Some(Self {
            name: find_value("module").and_then(find_program_name),
            version: version.or(directive),
            has_requirements: lines().any(|line| line.starts_with("require")),
            is_self_contained: !refers_to_files
                && !source.has_file("go.work")?
                && !source.has_file("vendor/modules.txt")?,
            has_lock: source.has_file("go.sum")?,
        }))
    }

    /// Plans the steps up to the downloaded modules, with all files of the source.
    fn plan_modules(&self, reasons: &mut Vec<String>) -> Vec<RecipeStep> {
        if !self.has_requirements {
            return vec![RecipeStep::CopyAll];
        }
        if !self.has_lock {
            reasons.push(
                "Without go.sum builds may get different modules: run go mod tidy, and commit go.sum."
                    .to_owned(),
            );
            return vec![RecipeStep::CopyAll, RecipeStep::Run(TIDY_COMMAND)];
        }
        if !self.is_self_contained {
            reasons.push(
                "The module uses files of the source as modules, so everything is copied before it is built."
                    .to_owned(),
            );
            return vec![RecipeStep::CopyAll];
        }
        vec![
            RecipeStep::Copy(None, vec!["go.mod", "go.sum"]),
            RecipeStep::Run(DOWNLOAD_COMMAND),
            RecipeStep::CopyAll,
        ]
    }
}

/// Detects Go by `go.mod`; `None` without one.
pub fn detect_go(source: &dyn SourceTree, _: DetectionContext<'_>) -> Result<Option<DetectedSource>> {
    let Some(module) = GoModule::read(source)? else { return Ok(None) };
    let programs = find_programs(source, &module)?;
    let mut reasons = vec![format!(
        "go.mod: Go; {} built in a stage of its own, and the image gets the result in bin/.",
        programs.places.describe_places()
    )];
    let image =
        choose_image(GO_IMAGES, VersionNotation::Compiler, "Go", module.version.as_ref(), &mut reasons);
    // The image may be older than the module asks for: then the module's own compiler is fetched, if the proxy has it.
    let mut steps = vec![RecipeStep::Env("GOTOOLCHAIN", "auto"), RecipeStep::Env("GOENV", "/etc/go/env")];
    steps.extend(module.plan_modules(&mut reasons));
    steps.push(RecipeStep::Run(programs.places.build_command()));
    let stage = BuildStage { name: StageName::Build, base: image.image, steps };
    let recipe = BuildRecipe::Steps {
        base: programs::find_plain_image(image),
        steps: programs::plan_program_files(),
        stages: vec![stage],
    };
    Ok(Some(DetectedSource { kind: SourceKind::Go, recipe, reasons, start: programs.start }))
}

/// The programs of a module.
struct GoPrograms {
    places: ProgramPlaces,
    start: StartCommand,
}

fn find_programs(source: &dyn SourceTree, module: &GoModule) -> Result<GoPrograms> {
    let commands = find_folder_names(&source.find_in_folders_of("cmd", "main.go")?);
    let has_top = source.has_file("main.go")?;
    if has_top {
        let places = if commands.is_empty() { ProgramPlaces::Top } else { ProgramPlaces::TopAndCommands };
        let names: Vec<String> = module.name.iter().cloned().collect();
        return Ok(GoPrograms { places, start: programs::guess_program(&names, None, "main.go") });
    }
    if !commands.is_empty() {
        let start = programs::guess_program(&commands, module.name.as_deref(), "cmd/");
        return Ok(GoPrograms { places: ProgramPlaces::Commands, start });
    }
    let folders = find_folder_names(&source.find_in_folders("main.go")?);
    if !folders.is_empty() {
        let start = programs::guess_program(&folders, module.name.as_deref(), "main.go in a folder");
        return Ok(GoPrograms { places: ProgramPlaces::Anywhere, start });
    }
    // A program of one file often has its own name.
    let has_top_file = source.list()?.iter().any(|name| name.ends_with(".go") && !name.ends_with("_test.go"));
    let names: Vec<String> = module.name.iter().filter(|_| has_top_file).cloned().collect();
    Ok(GoPrograms { places: ProgramPlaces::Anywhere, start: programs::guess_program(&names, None, "go.mod") })
}

/// Names of the folders that contain the files.
fn find_folder_names(paths: &[String]) -> Vec<String> {
    let names = paths.iter().filter_map(|path| path.rsplit('/').nth(1));
    names.filter(|name| programs::is_program_name(name)).map(str::to_owned).collect()
}

/// Name of the program that `go build` makes of a module: the last part of its path that is no major version.
fn find_program_name(module: &str) -> Option<String> {
    let is_version = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let name = module.trim_matches('"').rsplit('/').find(|part| !is_version(part))?;
    programs::is_program_name(name).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_has_the_name_of_its_module() {
        for (module, name) in [
            ("code.example/ann/pond", Some("pond")),
            ("code.example/ann/pond/v2", Some("pond")),
            ("\"pond\"", Some("pond")),
            ("code.example/$(id)", None),
            ("code.example/a b", None),
        ] {
            assert_eq!(find_program_name(module).as_deref(), name, "{module}");
        }
    }
}
