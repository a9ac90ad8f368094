//! Detection of a source's kind, and the resulting build plan.

use hearth_base::{Error, Result};

use crate::{
    containerfile, node, other_languages, packages, php,
    plan::{BuildPlan, BuildRecipe, DetectedSource, RecipeChoice, SourceKind, StartCommand},
    procfile::{Processes, parse_procfile},
    python,
    recipe::RecipeStep,
    source::SourceTree,
    static_files,
};

const PLAIN_BASE_IMAGE: &str = "bookworm";

/// Plans how a source becomes an image.
///
/// Errors: `procfile`, `package-json`, `pyproject`, `composer-json`, `aptfile`, `source-file`,
/// `language-unsupported`, `nothing-recognised` (invalid).
pub fn plan_build(source: &impl SourceTree) -> Result<BuildPlan> {
    plan_build_by(source, None)
}

/// Plans how a source becomes an image, by the recipe that the user chose.
///
/// Errors: as [`plan_build`], and `no-containerfile` (invalid).
pub fn plan_build_by(source: &impl SourceTree, choice: Option<RecipeChoice>) -> Result<BuildPlan> {
    let declared = source.read("Procfile")?.map(|text| parse_procfile(&text)).transpose()?;
    let own = match choice {
        Some(RecipeChoice::Detected) => None,
        _ => containerfile::find_containerfile(source)?,
    };
    let mut found = match own {
        None if choice == Some(RecipeChoice::Containerfile) => {
            return Err(Error::invalid("no-containerfile", "the source has no Containerfile or Dockerfile")
                .help("omit --recipe containerfile"));
        }
        // A Procfile is written for platforms that detect the language; a Dockerfile beside it may be for development.
        Some("Dockerfile") if declared.is_some() && choice.is_none() => {
            match detect_language(source, true)? {
                Some(mut found) => {
                    found.reasons.push(
                        "Dockerfile is ignored, because a Procfile is there too. To use it: --recipe containerfile, \
                         or name it Containerfile."
                            .to_owned(),
                    );
                    found
                }
                None => containerfile::plan_containerfile(source, "Dockerfile", declared.as_ref())?,
            }
        }
        Some(file) => containerfile::plan_containerfile(source, file, declared.as_ref())?,
        None => match (detect_language(source, declared.is_some())?, &declared) {
            (Some(found), _) => found,
            (None, Some(processes)) => {
                other_languages::refuse_unsupported_language(source, processes)?;
                plan_plain_files()
            }
            (None, None) => return Err(other_languages::build_unrecognized_error(source)?),
        },
    };
    if declared.is_some() && found.kind != SourceKind::Containerfile {
        found.reasons.extend(other_languages::describe_subfolders(source)?);
    }
    add_debian_packages(source, &mut found)?;
    let mut plan = BuildPlan {
        kind: found.kind,
        recipe: found.recipe,
        processes: Processes::new(),
        reasons: found.reasons,
        suggested_process: None,
    };
    choose_processes(&mut plan, declared, found.start);
    Ok(plan)
}

/// Detects the language. A page is preferred to a `package.json` that lists tools of its developers only.
fn detect_language(source: &impl SourceTree, has_procfile: bool) -> Result<Option<DetectedSource>> {
    if let Some(mut found) = python::detect_python(source, has_procfile)? {
        if source.has_file("package.json")? {
            let sentence = "package.json exists too; npm is not run. To use both, write a Containerfile.";
            found.reasons.push(sentence.to_owned());
        }
        return Ok(Some(found));
    }
    let tooling_only = node::has_tooling_only(source)?;
    if !tooling_only && let Some(found) = node::detect_node(source, has_procfile)? {
        return Ok(Some(found));
    }
    let found = match php::detect_php(source)? {
        Some(found) => Some(found),
        None => static_files::detect_static_files(source)?,
    };
    match found {
        Some(mut found) if tooling_only => {
            let sentence = "package.json lists tools of the developers only; npm is not run.";
            found.reasons.push(sentence.to_owned());
            Ok(Some(found))
        }
        None if tooling_only => node::detect_node(source, has_procfile),
        found => Ok(found),
    }
}

fn plan_plain_files() -> DetectedSource {
    let reasons =
        vec!["Procfile without a supported language: the files are copied unchanged onto Debian.".to_owned()];
    let recipe =
        BuildRecipe::Steps { base: PLAIN_BASE_IMAGE, steps: vec![RecipeStep::CopyAll], build_stage: None };
    DetectedSource { kind: SourceKind::PlainFiles, recipe, reasons, start: StartCommand::Unknown(None) }
}

/// Adds the packages of `Aptfile` as the first step.
fn add_debian_packages(source: &impl SourceTree, found: &mut DetectedSource) -> Result<()> {
    if !source.has_file("Aptfile")? {
        return Ok(());
    }
    let BuildRecipe::Steps { steps, build_stage, .. } = &mut found.recipe else {
        found.reasons.push("Aptfile is ignored: the Containerfile installs packages.".to_owned());
        return Ok(());
    };
    let packages = packages::read_aptfile(source)?;
    if !packages.is_empty() {
        let names: Vec<String> = packages.iter().map(ToString::to_string).collect();
        found.reasons.push(format!("Aptfile: apt installs {}.", names.join(", ")));
        build_stage.iter_mut().for_each(|stage| stage.steps.insert(0, RecipeStep::Install(packages.clone())));
        steps.insert(0, RecipeStep::Install(packages));
    }
    Ok(())
}

/// Chooses the processes: those of the Procfile, otherwise the guessed process `web`.
fn choose_processes(plan: &mut BuildPlan, declared: Option<Processes>, start: StartCommand) {
    if let Some(named) = declared {
        let names: Vec<&str> = named.keys().map(String::as_str).collect();
        plan.reasons.push(format!("Procfile: the processes are {}.", names.join(", ")));
        if named.contains_key("release") {
            plan.reasons.push(
                "The process release is not run by a deployment. Before it: hearth jobs run release --wait --image \
                 IMAGE --command release."
                    .to_owned(),
            );
        }
        plan.processes = named;
        return;
    }
    match start {
        StartCommand::Guessed { command, reason } => {
            plan.reasons.push(format!("There is no Procfile: the process web is {command:?} ({reason})."));
            plan.processes = Processes::from([("web".to_owned(), command)]);
        }
        StartCommand::Unknown(_) if plan.kind == SourceKind::Containerfile => {}
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
