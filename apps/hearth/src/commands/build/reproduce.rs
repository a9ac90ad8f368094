//! `hearth build reproduce ID`: repeats a build, and compares the images.

use std::collections::BTreeMap;

use hearth_base::{BuildId, Error, Result};
use hearth_wire::builds::{Build, BuildReproduction, BuildStatus};
use serde::{Deserialize, Serialize};

use super::{
    image_layers::{fetch_layer_steps, find_image_digest},
    logs::BuildLogReader,
};
use crate::{
    context::CommandContext,
    flags::DryRun,
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// Files of a comparison that are shown.
const MAX_SHOWN_FILES: usize = 20;

/// The arguments of `hearth build reproduce`.
#[derive(Debug, clap::Args)]
pub struct ReproduceBuildArgs {
    /// The build to repeat; default: the newest
    id: Option<BuildId>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Result of a repetition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ReproducedImage {
    /// The build that was repeated.
    build: BuildId,
    /// The build that repeated it.
    repetition: BuildId,
    /// True if both images have the same digest.
    is_same: bool,
    /// Outcome in a sentence.
    outcome: String,
    /// Steps whose layers differ.
    different_layers: Vec<String>,
    /// Files that differ, each with what differs.
    different_files: BTreeMap<String, String>,
}

/// Repeats the build and shows how the images differ. Error `not-reproduced` (conflict) if they do.
pub async fn run(cx: &CommandContext, args: ReproduceBuildArgs) -> Result<()> {
    let result = cx.printer.open_output::<ReproducedImage>()?;
    let session = cx.open_tool_session()?;
    let mut original = super::find_build(&session, args.id).await?;
    // The newest build may be a repetition itself.
    if let Some(reproduction) = &original.reproduction {
        original =
            session.send(session.client().builds().show(session.tool_name(), reproduction.build)).await?;
    }
    let id = original.build_id;
    if args.dry_run.dry_run {
        let sentence = format!("would repeat the build {id}");
        return cx.printer.open_output::<Build>()?.print_sentence(&original, &sentence);
    }
    let began = session.send(session.client().builds().reproduce_build(session.tool_name(), id)).await?;
    let mut log = BuildLogReader::open(&session, began.name, true).await?;
    while let Some(line) = cx.wait_with_notices("the build", log.next()).await? {
        cx.printer.print_program_line(&line.line);
    }
    let build = session.send(session.client().builds().show(session.tool_name(), began.name)).await?;
    let reproduced = describe_result(&session, &original, &build).await?;
    result.print_record(&reproduced, &build_table(&reproduced))?;
    if reproduced.is_same {
        return Ok(());
    }
    let message = format!("the repeated build {id} has made another image");
    Err(Error::conflict("not-reproduced", message).help(format!("hearth build show {}", build.build_id)))
}

async fn describe_result(
    session: &ToolSession<'_>,
    original: &Build,
    build: &Build,
) -> Result<ReproducedImage> {
    let digest = find_image_digest(build).filter(|_| build.status == BuildStatus::BuildSuccess);
    let (Some(digest), Some(reproduction)) = (digest, &build.reproduction) else {
        let message = format!("the build {} has failed: {}", build.build_id, build.message);
        return Err(
            Error::conflict("build-failed", message).help(format!("hearth build logs {}", build.build_id))
        );
    };
    let BuildReproduction { build: repeated, image, comparison } = reproduction;
    let is_same = digest == *image;
    let different_layers = match is_same {
        true => Vec::new(),
        false => {
            let (one, other) =
                (fetch_layers(session, original, *image).await?, fetch_layers(session, build, digest).await?);
            list_different_layers(&one, &other)
        }
    };
    let files = comparison.iter().flat_map(|comparison| comparison.files.iter());
    Ok(ReproducedImage {
        build: *repeated,
        repetition: build.build_id,
        is_same,
        outcome: build.message.clone(),
        different_layers,
        different_files: files.map(|file| (file.path.clone(), file.difference.clone())).collect(),
    })
}

/// Fetches the digests of an image's layers, each with the step that made it.
async fn fetch_layers(
    session: &ToolSession<'_>,
    build: &Build,
    image: hearth_base::Digest,
) -> Result<Vec<(String, String)>> {
    let registry = session.client().image_registry(session.tool_name(), &build.parameters.image_name);
    let manifest = session.send(registry.fetch_manifest(image)).await?;
    let steps = fetch_layer_steps(session, &build.parameters.image_name, &manifest).await?;
    let layers = manifest.layers.iter().map(|layer| layer.digest.to_string());
    Ok(layers.zip(steps.into_iter().map(Option::unwrap_or_default)).collect())
}

/// Lists the steps whose layers differ, by their places.
fn list_different_layers(one: &[(String, String)], other: &[(String, String)]) -> Vec<String> {
    let count = one.len().max(other.len());
    let places = (0..count).filter(|place| {
        one.get(*place).map(|(digest, _)| digest) != other.get(*place).map(|(digest, _)| digest)
    });
    let describe = |place: usize| {
        let step = other.get(place).or_else(|| one.get(place)).map_or("", |(_, step)| step);
        format!("{} of {count}: {step}", place + 1)
    };
    places.map(describe).collect()
}

fn build_table(reproduced: &ReproducedImage) -> Table {
    let row = |name, text: &str| (name, Cell::from(text));
    let mut rows = vec![
        row("build", &reproduced.build.to_string()),
        row("repeated by", &reproduced.repetition.to_string()),
        row("outcome", &reproduced.outcome),
    ];
    rows.extend(reproduced.different_layers.iter().map(|layer| row("layer", layer)));
    let files = reproduced.different_files.iter().take(MAX_SHOWN_FILES);
    rows.extend(files.map(|(path, difference)| ("file", Cell::from(format!("/{path}: {difference}")))));
    Table::from_pairs(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_layers_are_named_by_their_steps() {
        let layer = |digest: &str, step: &str| (digest.to_owned(), step.to_owned());
        let one = [layer("a", "base"), layer("b", "COPY . .")];
        let other = [layer("a", "base"), layer("c", "COPY . ."), layer("d", "RUN x")];
        assert_eq!(list_different_layers(&one, &other), ["2 of 3: COPY . .", "3 of 3: RUN x"]);
        assert!(list_different_layers(&one, &one).is_empty());
    }
}
