//! Detection of a source's kind, and the resulting build plan.

use hearth_base::{Error, Result};

use crate::{
    containerfile,
    declared::{self, DeclaredBuild, DeclaredFrontEnd},
    front_end,
    languages::{self, DetectionContext, KNOWN_LANGUAGES},
    other_languages,
    packages::{self, PackageName},
    plan::{BuildPlan, BuildRecipe, DetectedSource, RecipeChoice, SourceKind, StartCommand},
    procfile::{Processes, parse_procfile},
    recipe::{BuildStage, RecipeStep, StageName},
    source::SourceTree,
    source_path::SourcePath,
};

const PLAIN_BASE_IMAGE: &str = "bookworm";

/// End of the names of images without apt; the image with apt has the name before it.
const SLIM_SUFFIX: &str = "-slim";

/// Plans how a source becomes an image.
///
/// Errors: `procfile`, `package-json`, `pyproject`, `composer-json`, `aptfile`, `build-section`, `no-front-end`,
/// `language-not-found`, `source-file`, `language-unsupported`, `nothing-recognised` (invalid).
pub fn plan_build(source: &dyn SourceTree) -> Result<BuildPlan> {
    plan_build_by(source, None)
}

/// Plans how a source becomes an image, by the recipe that the user chose.
///
/// Errors: as [`plan_build`], and `no-containerfile` (invalid).
pub fn plan_build_by(source: &dyn SourceTree, choice: Option<RecipeChoice>) -> Result<BuildPlan> {
    let section = declared::read_declared_build(source)?;
    let processes = DeclaredProcesses::read(source, &section)?;
    let mut found = detect_source(source, choice, &section, processes.as_ref())?;
    if processes.is_some() && found.kind != SourceKind::Containerfile {
        let built = list_front_end_folders(&found);
        let has_front_end = section.front_end != Some(DeclaredFrontEnd::Disabled);
        let unbuilt =
            other_languages::describe_subfolders(source, has_front_end.then_some(built.as_slice()))?;
        found.reasons.extend(unbuilt);
    }
    add_commands(&section, &mut found);
    add_debian_packages(source, &section, &mut found)?;
    let mut plan = BuildPlan {
        kind: found.kind,
        recipe: found.recipe,
        processes: Processes::new(),
        reasons: found.reasons,
        suggested_process: None,
    };
    choose_processes(&mut plan, processes, found.start);
    Ok(plan)
}

/// Processes that the source declares.
struct DeclaredProcesses {
    /// File that declares them.
    file: &'static str,
    processes: Processes,
}

impl DeclaredProcesses {
    /// Reads the processes of `hearth.yaml`, otherwise those of the Procfile.
    fn read(source: &dyn SourceTree, section: &DeclaredBuild) -> Result<Option<Self>> {
        if let Some(processes) = &section.processes {
            return Ok(Some(Self { file: declared::TOOL_FILE_NAME, processes: processes.clone() }));
        }
        let text = source.read("Procfile")?;
        let processes = text.map(|text| parse_procfile(&text)).transpose()?;
        Ok(processes.map(|processes| Self { file: "Procfile", processes }))
    }
}

/// Detects the source: its own Containerfile, a declared site, a language, or plain files.
fn detect_source(
    source: &dyn SourceTree,
    choice: Option<RecipeChoice>,
    section: &DeclaredBuild,
    declared: Option<&DeclaredProcesses>,
) -> Result<DetectedSource> {
    let own = match choice {
        Some(RecipeChoice::Detected) => None,
        _ => containerfile::find_containerfile(source)?,
    };
    let processes = declared.map(|declared| &declared.processes);
    match own {
        None if choice == Some(RecipeChoice::Containerfile) => {
            return Err(Error::invalid("no-containerfile", "the source has no Containerfile or Dockerfile")
                .help("omit --recipe containerfile"));
        }
        // A Procfile is written for platforms that detect the language; a Dockerfile beside it may be for development.
        Some("Dockerfile") if choice.is_none() && (declared.is_some() || section.defines_build()) => {
            if let Some(mut found) = detect_language(source, section, processes)? {
                let file = declared.map_or(declared::TOOL_FILE_NAME, |declared| declared.file);
                found.reasons.push(format!(
                    "Dockerfile is ignored, because a {file} is there too. To use it: --recipe containerfile, or name it \
                     Containerfile."
                ));
                return Ok(found);
            }
        }
        _ => {}
    }
    if let Some(file) = own {
        return containerfile::plan_containerfile(source, file, processes);
    }
    match (detect_language(source, section, processes)?, declared) {
        (Some(found), _) => Ok(found),
        // Declared commands may build a program in any language.
        (None, Some(declared)) if !section.commands.is_empty() => Ok(plan_plain_files(declared.file)),
        (None, Some(declared)) => {
            other_languages::refuse_unsupported_language(source, &declared.processes)?;
            Ok(plan_plain_files(declared.file))
        }
        (None, None) => Err(other_languages::build_unrecognized_error(source)?),
    }
}

/// Detects the language of the program, and its front end. A declared folder of static files is a site of its own when
/// the source is in no language.
fn detect_language(
    source: &dyn SourceTree,
    section: &DeclaredBuild,
    processes: Option<&Processes>,
) -> Result<Option<DetectedSource>> {
    let context = DetectionContext { processes };
    let is_candidate = |name: &str| section.language.is_none_or(|declared| declared == name);
    for language in KNOWN_LANGUAGES.iter().filter(|language| is_candidate(language.name)) {
        let Some(mut found) = (language.detect)(source, context)? else { continue };
        if !matches!(found.kind, SourceKind::Node | SourceKind::StaticFiles) {
            front_end::add_front_end(source, section.front_end.as_ref(), &mut found)?;
        }
        return Ok(Some(match &section.static_folder {
            Some(folder) if !context.has_processes() => serve_built_folder(found, folder.clone()),
            _ => found,
        }));
    }
    match (&section.static_folder, section.language) {
        (_, Some(name)) => Err(Error::invalid(
            "language-not-found",
            format!("hearth.yaml says that the language is {name}, but the source has none of its files"),
        )
        .help("correct or omit language in the section build of hearth.yaml")),
        (Some(folder), None) => {
            Ok(Some(serve_built_folder(plan_plain_files(declared::TOOL_FILE_NAME), folder.clone())))
        }
        (None, None) => Ok(None),
    }
}

/// Turns a plan into one of a site: the image of the plan becomes a stage, and the folder is served as static files.
fn serve_built_folder(found: DetectedSource, folder: SourcePath) -> DetectedSource {
    let DetectedSource { kind, recipe, mut reasons, start } = found;
    let BuildRecipe::Steps { base, steps, stages } = recipe else {
        return DetectedSource { kind, recipe, reasons, start };
    };
    reasons.push(format!("hearth.yaml: the files in {folder}/ are served as static files."));
    languages::plan_built_site(stages, BuildStage { name: StageName::Site, base, steps }, folder, reasons)
}

/// Lists the folders that a stage of the front end builds.
fn list_front_end_folders(found: &DetectedSource) -> Vec<&str> {
    let BuildRecipe::Steps { stages, .. } = &found.recipe else { return Vec::new() };
    let steps =
        stages.iter().filter(|stage| stage.name == StageName::FrontEnd).flat_map(|stage| &stage.steps);
    let folders = steps.filter_map(|step| match step {
        RecipeStep::EnterFolder(Some(folder)) => Some(folder.as_str()),
        _ => None,
    });
    folders.collect()
}

/// Finds the stage that makes the files of the image; `None` when the image makes them itself.
fn find_last_stage(stages: &mut [BuildStage]) -> Option<&mut BuildStage> {
    let is_last = |stage: &&mut BuildStage| matches!(stage.name, StageName::Build | StageName::Site);
    stages.iter_mut().rfind(is_last)
}

fn plan_plain_files(file: &str) -> DetectedSource {
    let reasons =
        vec![format!("{file} without a supported language: the files are copied unchanged onto Debian.")];
    let recipe =
        BuildRecipe::Steps { base: PLAIN_BASE_IMAGE, steps: vec![RecipeStep::CopyAll], stages: Vec::new() };
    DetectedSource { kind: SourceKind::PlainFiles, recipe, reasons, start: StartCommand::Unknown(None) }
}

/// Adds the declared commands after the steps of the language: to the stage that builds, otherwise to the image.
fn add_commands(section: &DeclaredBuild, found: &mut DetectedSource) {
    if section.commands.is_empty() {
        return;
    }
    let BuildRecipe::Steps { steps, stages, .. } = &mut found.recipe else {
        found
            .reasons
            .push("The commands of hearth.yaml are ignored: the Containerfile builds the image.".to_owned());
        return;
    };
    let count = section.commands.len();
    found.reasons.push(format!(
        "hearth.yaml: {count} {} run after the packages are installed.",
        if count == 1 { "command" } else { "commands" }
    ));
    let commands = section.commands.iter().cloned().map(RecipeStep::RunDeclared).collect();
    match find_last_stage(stages) {
        Some(stage) => {
            copy_source_in_stage(stage, steps);
            insert_before_cleanup(&mut stage.steps, commands);
        }
        None => steps.extend(commands),
    }
}

/// Moves the copy of the source from the image to the stage whose commands need it; the image copies it from there.
fn copy_source_in_stage(stage: &mut BuildStage, image_steps: &mut [RecipeStep]) {
    let is_source = |step: &RecipeStep| {
        matches!(
            step,
            RecipeStep::CopyAll | RecipeStep::CopyBuilt(StageName::FrontEnd | StageName::Build, None)
        )
    };
    if stage.steps.iter().any(is_source) {
        return;
    }
    if let Some(step) = image_steps.iter_mut().find(|step| is_source(step)) {
        let copy = std::mem::replace(step, RecipeStep::CopyBuilt(stage.name, None));
        insert_before_cleanup(&mut stage.steps, vec![copy]);
    }
}

fn insert_before_cleanup(steps: &mut Vec<RecipeStep>, added: Vec<RecipeStep>) {
    let is_cleanup = |step: &RecipeStep| matches!(step, RecipeStep::Cleanup(_));
    let at = steps.iter().position(is_cleanup).unwrap_or(steps.len());
    steps.splice(at..at, added);
}

/// Adds the packages of `Aptfile` and `hearth.yaml` as the first step.
fn add_debian_packages(
    source: &dyn SourceTree,
    section: &DeclaredBuild,
    found: &mut DetectedSource,
) -> Result<()> {
    let listed = if source.has_file("Aptfile")? { packages::read_aptfile(source)? } else { Vec::new() };
    for (file, packages) in [("Aptfile", listed), (declared::TOOL_FILE_NAME, section.packages.clone())] {
        if packages.is_empty() {
            continue;
        }
        let BuildRecipe::Steps { steps, stages, .. } = &mut found.recipe else {
            found
                .reasons
                .push(format!("The packages of {file} are ignored: the Containerfile installs packages."));
            continue;
        };
        let names: Vec<String> = packages.iter().map(PackageName::to_string).collect();
        found.reasons.push(format!("{file}: apt installs {}.", names.join(", ")));
        let is_built = find_last_stage(stages).is_some();
        let stages =
            stages.iter_mut().filter(|stage| stage.name != StageName::FrontEnd).map(|stage| &mut stage.steps);
        stages.for_each(|steps| steps.insert(0, RecipeStep::Install(packages.clone())));
        let needed = match found.kind {
            // A site needs its packages only while it is built.
            SourceKind::StaticFiles if is_built => Vec::new(),
            _ if is_built => packages.into_iter().filter(|name| !name.is_for_builds()).collect(),
            _ => packages,
        };
        if !needed.is_empty() {
            steps.insert(0, RecipeStep::Install(needed));
        }
    }
    use_images_with_apt(&mut found.recipe);
    Ok(())
}

/// Replaces slim images, which have no apt, where packages are installed.
fn use_images_with_apt(recipe: &mut BuildRecipe) {
    let BuildRecipe::Steps { base, steps, stages } = recipe else { return };
    let stages = stages.iter_mut().map(|stage| (&mut stage.base, &stage.steps));
    for (base, steps) in stages.chain([(base, &*steps)]) {
        if steps.iter().any(|step| matches!(step, RecipeStep::Install(_))) {
            *base = base.strip_suffix(SLIM_SUFFIX).unwrap_or(base);
        }
    }
}

/// Chooses the processes: the declared ones, otherwise the guessed process `web`.
fn choose_processes(plan: &mut BuildPlan, declared: Option<DeclaredProcesses>, start: StartCommand) {
    if let Some(DeclaredProcesses { file, processes }) = declared {
        let names: Vec<&str> = processes.keys().map(String::as_str).collect();
        plan.reasons.push(format!("{file}: the processes are {}.", names.join(", ")));
        if processes.contains_key("release") {
            plan.reasons.push(
                "The process release is not run by a deployment. Before it: hearth jobs run release --wait --image \
                 IMAGE --command release."
                    .to_owned(),
            );
        }
        plan.processes = processes;
        return;
    }
    match start {
        StartCommand::Guessed { command, reason } => {
            plan.reasons.push(format!("There is no Procfile: the process web is {command:?} ({reason})."));
            plan.processes = Processes::from([("web".to_owned(), command)]);
        }
        StartCommand::Unknown(_) if plan.kind == SourceKind::Containerfile => {
            if let BuildRecipe::Containerfile { text, .. } = &plan.recipe {
                plan.processes = containerfile::read_processes_label(text).unwrap_or_default();
            }
        }
        StartCommand::Unknown(suggestion) => {
            let line = suggestion.clone().unwrap_or_else(|| "web: COMMAND".to_owned());
            plan.reasons.push(format!(
                "There is no Procfile and no usual start command: jobs need a full command, and a page needs a line \
                 in a Procfile, such as {line}."
            ));
            plan.suggested_process = suggestion;
        }
    }
}
