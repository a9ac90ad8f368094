//! Builds of previews: apart from their tool, and used by no other build.

use hearth_base::{PreviewNumber, Result};
use hearth_kit::db::Db;
use hearth_plan::RECIPES_VERSION;
use hearth_testkit::on_every_store;
use hearth_wire::builds::{
    BuildCreate,
    internal::{BuildClaim, BuildInputs, BuildLeaseOutcome, BuildMaterials, RegistryTokenCreate},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    fixture::{BuildsFixture, IMAGE_DIGEST, build_success_end, start_fixture},
    outside_fixture::start_outside_fixture,
};

fn build_preview(number: u32) -> Result<BuildCreate> {
    Ok(BuildCreate { preview: Some(PreviewNumber::new(number)?), ..BuildCreate::default() })
}

fn isolating_claim() -> BuildClaim {
    BuildClaim { isolates_previews: true, ..BuildClaim::default() }
}

async fn build_of_a_preview_has_an_image_and_a_builder_of_its_own(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let base = &fixture.base;
    // The tool has chosen an outside builder, which gets no build of a preview.
    let build = fixture.start_build_with(build_preview(7)?).await?;
    let shown = fixture.show_build(build).await;
    assert_eq!((&shown["outside_builder"], &shown["parameters"]["preview"]), (&Value::Null, &json!(7)));
    // Nor does a builder of a release that would build it for the tool.
    assert_eq!(base.claim_lease().await?, None);
    let lease = base.claim_lease_with(&isolating_claim()).await?.unwrap();
    assert_eq!((lease.build, lease.preview), (build, Some(PreviewNumber::new(7)?)));
    assert_eq!(lease.image_name, "tool-hello.pr-7");
    for push in [true, false] {
        let create = RegistryTokenCreate { ticket: lease.ticket.clone(), push };
        base.builder.builds().create_registry_token(build, &create).await?;
    }
    let created = fixture.fakes.lock_state().created.clone();
    let [(.., push), (.., read)] = created.as_slice() else { unreachable!("{}", created.len()) };
    let grant = push.build.clone().unwrap();
    assert_eq!((grant.build, grant.image.unwrap().as_str()), (build, "tool-hello.pr-7"));
    assert_eq!(push.scopes.iter().count(), 0);
    assert_eq!(read.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["images:read"]);
    Ok(())
}

async fn outside_builder_of_a_preview_is_refused(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let outside = BuildCreate { builder: Some("ci".parse()?), ..build_preview(7)? };
    let refused = fixture.start_build_with(outside).await.unwrap_err();
    assert_eq!((refused.code(), refused.help_text()), ("preview-builder", Some("leave builder out")));
    let own = BuildCreate { builder: Some("hearth".parse()?), ..build_preview(7)? };
    fixture.start_build_with(own).await.map(drop)
}

/// Starts a build, and ends it with an image that later builds would use.
async fn make_image(fixture: &BuildsFixture, create: BuildCreate) -> Result<hearth_base::BuildId> {
    let build = start(fixture, create).await?;
    let lease = fixture.claim_lease_with(&isolating_claim()).await?.unwrap();
    assert_eq!(lease.build, build, "it has to be built");
    let mut end = build_success_end();
    if let BuildLeaseOutcome::Succeeded { inputs, materials, .. } = &mut end {
        *inputs = Some(BuildInputs { recipes: RECIPES_VERSION.to_owned(), ..BuildInputs::default() });
        *materials = Some(BuildMaterials::default().into());
    }
    fixture.finish_lease(&lease, end).await?;
    Ok(build)
}

async fn start(fixture: &BuildsFixture, create: BuildCreate) -> Result<hearth_base::BuildId> {
    // Ids are in the order of time.
    fixture.stand.advance_clock(SignedDuration::from_secs(1));
    let create = BuildCreate { source_url: Some(fixture.git.repository_url("hello")), ..create };
    Ok(fixture.maintainer.builds().start(&fixture.tool, &create, &Default::default()).await?.name)
}

async fn image_of_a_preview_is_used_by_no_other_build(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    for tag in ["tool-hello/tool-hello:latest", "tool-hello/tool-hello.pr-7:latest"] {
        fixture.tags.lock().unwrap().insert(tag.to_owned(), IMAGE_DIGEST.to_owned());
    }
    let preview = make_image(&fixture, build_preview(7)?).await?;
    let refused = fixture.maintainer.builds().reproduce_build(&fixture.tool, preview).await.unwrap_err();
    assert_eq!(refused.code(), "not-reproducible");
    // Neither by the tool's, nor by one of the same preview, nor by another's.
    let of_tool = make_image(&fixture, BuildCreate::default()).await?;
    for number in [7, 8] {
        make_image(&fixture, build_preview(number)?).await?;
    }
    // The tool's own image is used as before.
    let again = start(&fixture, BuildCreate::default()).await?;
    assert_eq!(fixture.show_build(again).await["reused_build"], json!(of_tool));
    Ok(())
}

on_every_store!(
    build_of_a_preview_has_an_image_and_a_builder_of_its_own,
    outside_builder_of_a_preview_is_refused,
    image_of_a_preview_is_used_by_no_other_build,
);
