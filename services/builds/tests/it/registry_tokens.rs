//! Tokens of the registry for builders of this Hearth: they end with the lease, also when another builder takes it over.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::builds::{
    BuildCreate,
    internal::{BuildLease, BuildLeaseOutcome, BuildMaterials, RegistryTokenCreate},
};
use jiff::SignedDuration;

use crate::{fixture::build_success_end, outside_fixture::start_outside_fixture};

async fn takeover_revokes_the_tokens_of_the_dead_builder(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let base = &fixture.base;
    let builder = Some("hearth".parse()?);
    let build = fixture.start_build_with(BuildCreate { builder, ..BuildCreate::default() }).await?;
    let (dead, successor) = (base.create_builder("dead"), base.create_builder("successor"));
    let lost = base.claim_lease_with(&dead).await?.unwrap();
    let token = |lease: &BuildLease| RegistryTokenCreate { ticket: lease.ticket.clone(), push: true };
    base.builder.builds().create_registry_token(build, &token(&lost)).await?;
    let (created, _, create) = fixture.fakes.lock_state().created[0].clone();
    assert_eq!(create.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["images:write"]);
    base.stand.advance_clock(SignedDuration::from_secs(60));
    let lease = base.claim_lease_with(&successor).await?.unwrap();
    assert_eq!((lease.build, lease.attempt), (build, lost.attempt));
    // The token was revoked before the successor got the build.
    let revoked = fixture.fakes.lock_state().revoked.clone();
    assert!(!revoked.is_empty() && revoked.iter().all(|token| *token == created), "{revoked:?}");
    for refused in [
        base.heartbeat(&lost).await.map(drop),
        base.finish_lease(&lost, BuildLeaseOutcome::Failed { message: "late".to_owned() }).await,
        base.builder.builds().create_registry_token(build, &token(&lost)).await.map(drop),
    ] {
        assert_eq!(refused.err().unwrap().code(), "lease-lost");
    }
    assert!(!base.heartbeat(&lease).await?);
    // The end of the lease revokes the token of the successor.
    base.builder.builds().create_registry_token(build, &token(&lease)).await?;
    base.finish_lease(&lease, BuildLeaseOutcome::Failed { message: "no".to_owned() }).await?;
    let (second, ..) = fixture.fakes.lock_state().created.last().cloned().unwrap();
    fixture.wait_for_revocation(second).await
}

async fn restarted_builder_keeps_its_tokens(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let base = &fixture.base;
    let builder = Some("hearth".parse()?);
    let build = fixture.start_build_with(BuildCreate { builder, ..BuildCreate::default() }).await?;
    let lease = base.claim_lease_with(&base.create_builder("here")).await?.unwrap();
    let create = RegistryTokenCreate { ticket: lease.ticket.clone(), push: true };
    base.builder.builds().create_registry_token(build, &create).await?;
    base.stand.advance_clock(SignedDuration::from_secs(1));
    // Its running push is adopted, with the token in its sandbox.
    let again = base.claim_lease_with(&base.create_builder("here")).await?.unwrap();
    assert_eq!(again.build, build);
    assert!(fixture.fakes.lock_state().revoked.is_empty());
    Ok(())
}

async fn push_token_of_a_repetition_reaches_its_reserved_image_only(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let base = &fixture.base;
    let builder = Some("hearth".parse()?);
    let build = fixture.start_build_with(BuildCreate { builder, ..BuildCreate::default() }).await?;
    let mut end = build_success_end();
    if let BuildLeaseOutcome::Succeeded { materials, .. } = &mut end {
        *materials = Some(BuildMaterials::default().into());
    }
    base.finish_lease(&base.claim_lease().await?.unwrap(), end).await?;
    let repetition = base.maintainer.builds().reproduce_build(&base.tool, build).await?.name;
    let lease = base.claim_lease().await?.unwrap();
    assert_eq!(lease.build, repetition);
    for push in [true, false] {
        let create = RegistryTokenCreate { ticket: lease.ticket.clone(), push };
        base.builder.builds().create_registry_token(repetition, &create).await?;
    }
    let created = fixture.fakes.lock_state().created.clone();
    let [(.., push), (.., read)] = created.as_slice() else { unreachable!("{}", created.len()) };
    let grant = push.build.clone().unwrap();
    assert_eq!((grant.build, grant.image.unwrap().as_str()), (repetition, "tool-hello.rebuilt"));
    assert_eq!(push.scopes.iter().count(), 0);
    // The original is read with a token of its own.
    assert_eq!(read.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["images:read"]);
    assert!(read.build.is_none());
    Ok(())
}

async fn reserved_name_of_repetitions_is_refused_for_a_new_build(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let image_name = Some("tool-hello.rebuilt".to_owned());
    let refused = fixture.start_build_with(BuildCreate { image_name, ..BuildCreate::default() }).await;
    assert_eq!(refused.err().unwrap().code(), "image-name");
    Ok(())
}

on_every_store!(
    takeover_revokes_the_tokens_of_the_dead_builder,
    restarted_builder_keeps_its_tokens,
    push_token_of_a_repetition_reaches_its_reserved_image_only,
    reserved_name_of_repetitions_is_refused_for_a_new_build,
);
