//! Front ends: pages that Node.js builds, and a program of another language serves.

use hearth_base::{Error, Result};

use crate::{
    declared::DeclaredFrontEnd,
    languages::NodePackage,
    plan::{BuildRecipe, DetectedSource},
    recipe::{RecipeStep, StageName},
    source::SourceTree,
    source_path::SourcePath,
};

/// Folders that usually contain a front end.
const FRONT_END_FOLDERS: [&str; 6] = ["frontend", "front-end", "client", "web", "webapp", "ui"];

/// Adds the stage that builds the front end, when the source has one. Errors: `package-json`, `no-front-end` (invalid).
pub fn add_front_end(
    source: &dyn SourceTree,
    declared: Option<&DeclaredFrontEnd>,
    found: &mut DetectedSource,
) -> Result<()> {
    let BuildRecipe::Steps { steps, stages, .. } = &mut found.recipe else { return Ok(()) };
    let Some(package) = find_front_end(source, declared)? else {
        if source.has_file("package.json")? {
            found
                .reasons
                .push("package.json exists too; it has no build script, so npm is not run.".to_owned());
        }
        return Ok(());
    };
    let stage = package.plan_front_end_stage(&mut found.reasons);
    for step in stages.iter_mut().flat_map(|stage| &mut stage.steps).chain(steps) {
        if *step == RecipeStep::CopyAll {
            *step = RecipeStep::CopyBuilt(StageName::FrontEnd, None);
        }
    }
    stages.insert(0, stage);
    Ok(())
}

fn find_front_end(
    source: &dyn SourceTree,
    declared: Option<&DeclaredFrontEnd>,
) -> Result<Option<NodePackage>> {
    match declared {
        Some(DeclaredFrontEnd::Disabled) => return Ok(None),
        Some(DeclaredFrontEnd::In(folder)) => {
            let package = NodePackage::read(source, Some(folder))?.filter(NodePackage::has_build_script);
            let sentence = format!(
                "hearth.yaml names the front end {folder}, which has no package.json with a build script"
            );
            return package.map(Some).ok_or_else(|| {
                Error::invalid("no-front-end", sentence).help("correct front_end in hearth.yaml")
            });
        }
        None => {}
    }
    if let Some(package) = NodePackage::read(source, None)?.filter(NodePackage::has_build_script) {
        return Ok(Some(package));
    }
    for folder in FRONT_END_FOLDERS {
        let folder = SourcePath::from_known(folder);
        if let Some(package) = NodePackage::read(source, Some(&folder))?.filter(NodePackage::has_build_script)
        {
            return Ok(Some(package));
        }
    }
    Ok(None)
}
