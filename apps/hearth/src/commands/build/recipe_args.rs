//! The flags about how a source is built: its folder, and the recipe where it has several.

use std::path::{Path, PathBuf};

use hearth_base::{Error, Result};
use hearth_plan::{BuildPlan, SourceFolder, UNRECOGNIZED_CODE, find_only_application, read_declared_builder};
use hearth_wire::builds::{BuildCreate, RecipeChoice, outside::OWN_BUILDERS};

use crate::command_line::CommandLine;

/// The flags about how a source is built.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct RecipeArgs {
    /// Build this folder of the source, as in backend or apps/api
    #[arg(long = "folder", value_name = "FOLDER")]
    pub source_folder: Option<String>,
    /// Build by the Containerfile or Dockerfile, or as detected
    #[arg(long, value_name = "containerfile|detected", value_parser = parse_recipe, hide_short_help = true)]
    pub recipe: Option<RecipeChoice>,
}

fn parse_recipe(typed: &str) -> Result<RecipeChoice> {
    serde_json::from_value(typed.into()).map_err(|_| {
        Error::invalid("invalid-value", format!("invalid recipe {typed:?}; containerfile or detected"))
            .help("write containerfile")
            .with_suggestion("containerfile")
    })
}

impl RecipeArgs {
    /// Returns the folder that is built, of the source in `top`.
    pub fn locate_folder(&self, top: &Path) -> PathBuf {
        self.source_folder.as_ref().map_or_else(|| top.to_owned(), |folder| top.join(folder))
    }

    /// Plans the build of a source in the folder `top`.
    pub fn plan_build(&self, top: &Path) -> Result<BuildPlan> {
        let folder = self.locate_folder(top);
        if !folder.is_dir() {
            return Err(Error::invalid("no-folder", format!("{} is not a folder", folder.display()))
                .help("name an existing folder of the source: --folder FOLDER"));
        }
        let choice = self.recipe.map(|recipe| match recipe {
            RecipeChoice::Containerfile => hearth_plan::RecipeChoice::Containerfile,
            RecipeChoice::Detected => hearth_plan::RecipeChoice::Detected,
        });
        hearth_plan::plan_build_by(&SourceFolder::new(folder), choice)
    }

    /// Fills in the builder that `hearth.yaml` of the source in `top` names, unless a flag does, and for an outside
    /// builder the Containerfile of the plan. A source that cannot be planned is left to the builder.
    pub fn fill_in_builder(&self, top: &Path, create: &mut BuildCreate) {
        let source = SourceFolder::new(self.locate_folder(top));
        if create.builder.is_none() {
            create.builder = read_declared_builder(&source).ok().flatten();
        }
        if create.builder.as_ref().is_some_and(|builder| builder.as_str() != OWN_BUILDERS) {
            let plan = self
                .plan_build(top)
                .and_then(|plan| plan.render_containerfile(&|base| format!("hearth/{base}"), &[]));
            create.plan = plan.ok().flatten();
        }
    }

    /// Proposes the running command with the only folder that has an application, when the source in `top` is not
    /// recognized.
    pub fn propose_folder(&self, top: &Path, command_line: &CommandLine, error: Error) -> Error {
        if error.code() != UNRECOGNIZED_CODE {
            return error;
        }
        let Ok(Some(found)) = find_only_application(&SourceFolder::new(self.locate_folder(top))) else {
            return error;
        };
        let proposal = match &self.source_folder {
            Some(folder) => command_line.with_replacement(folder, &format!("{folder}/{found}")),
            None => Some(format!("{} {found}", command_line.with_argument("--folder"))),
        };
        match proposal {
            Some(proposal) => error.help(proposal),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_and_recipe_select_the_plan() -> Result<()> {
        let top = tempfile::tempdir().map_err(Error::internal)?;
        std::fs::create_dir(top.path().join("backend")).map_err(Error::internal)?;
        for (name, text) in [
            ("backend/requirements.txt", ""),
            ("backend/Dockerfile", "FROM x\n"),
            ("backend/Procfile", "web: x\n"),
        ] {
            std::fs::write(top.path().join(name), text).map_err(Error::internal)?;
        }
        let args = |recipe| RecipeArgs { source_folder: Some("backend".to_owned()), recipe };
        assert_eq!(args(None).plan_build(top.path())?.kind, hearth_plan::SourceKind::Python);
        let own = args(Some(parse_recipe("dockerfile")?)).plan_build(top.path())?;
        assert_eq!(own.kind, hearth_plan::SourceKind::Containerfile);
        let missing = RecipeArgs { source_folder: Some("nowhere".to_owned()), recipe: None };
        assert!(missing.plan_build(top.path()).is_err_and(|error| error.code() == "no-folder"));
        Ok(())
    }
}
