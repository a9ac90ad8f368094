//! Events about ended builds: one for each end, whoever ends the build.

use hearth_base::{ErrorKind, Result, Role};
use hearth_kit::db::Db;
use hearth_plan::RECIPES_VERSION;
use hearth_testkit::{ReceiverReply, on_every_store, wait_until};
use hearth_wire::{
    builds::{
        BuildCreate, BuildCreateQuery, BuildFailure, BuildFailureClass, BuildStatus,
        internal::{BuildFinish, BuildInputs, BuildLeaseOutcome},
    },
    events::{Event, EventsQuery, Topic},
};
use jiff::SignedDuration;

use crate::{
    fixture::{BuildsFixture, IMAGE_DIGEST, build_success_end, read_event_data, start_fixture},
    outside_fixture::{build_made_outcome, start_outside_fixture},
};

fn list_types(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.event_type.as_str()).collect()
}

async fn end_of_a_lease_has_one_event(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let made = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    fixture.finish_lease(&lease, build_success_end()).await?;
    // A repeated report is refused and changes nothing.
    assert!(fixture.finish_lease(&lease, build_success_end()).await.is_err());
    let failed = fixture.start_build().await?.name;
    let retry = BuildLeaseOutcome::Retry { message: "The disk is full.".to_owned() };
    let lease = fixture.claim_lease().await?.unwrap();
    fixture.finish_lease(&lease, retry).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(60));
    let lease = fixture.claim_lease().await?.unwrap();
    let failure = BuildFailure {
        class: BuildFailureClass::DependencyNotFound,
        line: Some("no matching distribution found for flaks".to_owned()),
        next_step: "Correct the name.".to_owned(),
    };
    let outcome = BuildLeaseOutcome::Failed { message: "pip ended with status 1".to_owned() };
    let finish = BuildFinish { ticket: lease.ticket.clone(), outcome, failure: Some(failure.clone()) };
    fixture.builder.builds().finish_build(lease.build, &finish).await?;

    let events = fixture.list_events().await?;
    assert_eq!(list_types(&events), ["build.succeeded", "build.failed"]);
    let data = read_event_data(&events[0])?;
    assert_eq!((data.build, data.tool.as_str(), data.status), (made, "hello", BuildStatus::BuildSuccess));
    assert_eq!(data.source_url, Some(fixture.git.repository_url("hello")));
    assert_eq!((data.resolved_ref, data.of_deployment), (fixture.commit.clone(), false));
    assert!(data.image.unwrap().ends_with(IMAGE_DIGEST));
    assert!(data.url.ends_with(&format!("/builds/v1/tool/hello/builds/{made}")), "{}", data.url);
    let data = read_event_data(&events[1])?;
    assert_eq!((data.build, data.image, data.failure), (failed, None, Some(failure)));
    assert_eq!(data.message, "pip ended with status 1");
    let notice = events[1].read_notice()?.unwrap();
    assert_eq!(notice.summary, "failed: pip ended with status 1");
    assert_eq!(notice.next_command, Some(format!("hearth build logs {failed}")));
    Ok(())
}

async fn cancelled_build_has_one_event_without_a_mail(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    fixture.maintainer.builds().cancel(&fixture.tool, build).await?;
    fixture.finish_lease(&lease, build_success_end()).await?;
    let events = fixture.list_events().await?;
    assert_eq!(list_types(&events), ["build.cancelled"]);
    assert_eq!(events[0].notice, None);
    Ok(())
}

async fn build_over_its_time_limit_has_one_event(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    fixture.start_build().await?;
    let lease = fixture.claim_lease().await?.unwrap();
    for _ in 0..65 {
        fixture.stand.advance_clock(SignedDuration::from_secs(28));
        fixture.heartbeat(&lease).await?;
    }
    let events = wait_until("the event", async || {
        Ok(Some(fixture.list_events().await?).filter(|events| !events.is_empty()))
    })
    .await?;
    let data = read_event_data(&events[0])?;
    assert_eq!((&*events[0].event_type, data.status), ("build.failed", BuildStatus::BuildTimeout));
    assert_eq!(data.failure.unwrap().class, BuildFailureClass::Timeout);
    fixture.finish_lease(&lease, BuildLeaseOutcome::Stopped).await?;
    assert_eq!(fixture.list_events().await?.len(), 1);
    Ok(())
}

async fn reused_image_has_an_event_of_its_own(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let tag = "tool-hello/tool-hello:latest".to_owned();
    fixture.tags.lock().unwrap().insert(tag, IMAGE_DIGEST.to_owned());
    let first = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    let mut end = build_success_end();
    if let BuildLeaseOutcome::Succeeded { inputs, .. } = &mut end {
        *inputs = Some(BuildInputs { recipes: RECIPES_VERSION.to_owned(), ..BuildInputs::default() });
    }
    fixture.finish_lease(&lease, end).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(1));
    fixture.start_build().await?;
    let events = fixture.list_events().await?;
    assert_eq!(list_types(&events), ["build.succeeded", "build.succeeded"]);
    assert_eq!(read_event_data(&events[1])?.reused_build, Some(first));
    Ok(())
}

async fn build_of_a_deployment_has_an_event_without_a_mail(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let own = fixture.start_build().await?.name;
    let id = fixture.tool_id;
    let components = fixture.stand.delegated_client(Role::Components, id, &fixture.tool)?;
    let create =
        BuildCreate { source_url: Some(fixture.git.repository_url("hello")), ..BuildCreate::default() };
    let query = BuildCreateQuery { queue: true, ..BuildCreateQuery::default() };
    fixture.stand.advance_clock(SignedDuration::from_secs(1));
    let components_build = components.builds().start(&fixture.tool, &create, &query).await?.name;
    for _ in 0..2 {
        let lease = fixture.claim_lease().await?.unwrap();
        fixture.finish_lease(&lease, BuildLeaseOutcome::Failed { message: "no".to_owned() }).await?;
    }
    let events = fixture.list_events().await?;
    assert_eq!(list_types(&events), ["build.failed", "build.failed"]);
    for event in &events {
        let data = read_event_data(event)?;
        let is_own = data.build == own;
        assert_eq!((data.of_deployment, event.notice.is_some()), (!is_own, is_own));
    }
    assert!(
        events.iter().any(|event| read_event_data(event).is_ok_and(|data| data.build == components_build))
    );
    Ok(())
}

async fn build_of_an_outside_builder_has_one_event(db: Db) -> Result<()> {
    let fixture = start_outside_fixture(db, false).await?;
    let build = fixture.start_build().await?;
    let announced = fixture.take_build(build, 1).await?;
    fixture.fakes.lock_state().is_pushed = true;
    announced.report_outcome(build_made_outcome()).await?;
    assert!(announced.report_outcome(build_made_outcome()).await.is_err());
    assert_eq!(list_types(&fixture.base.list_events().await?), ["build.succeeded"]);
    // A refused announcement ends the build.
    fixture.receiver.set_reply(ReceiverReply { status: "403 No", ..ReceiverReply::default() });
    fixture.start_build().await?;
    let events = wait_until("the build fails", async || {
        Ok(Some(fixture.base.list_events().await?).filter(|events| events.len() > 1))
    })
    .await?;
    assert_eq!(list_types(&events), ["build.succeeded", "build.failed"]);
    assert!(read_event_data(&events[1])?.message.contains("did not build it"));
    Ok(())
}

async fn only_notify_reads_the_events(db: Db) -> Result<()> {
    let fixture: BuildsFixture = start_fixture(db).await?;
    for client in [&fixture.jobs, &fixture.builder, &fixture.maintainer] {
        let topic = hearth_wire::builds::events::BuildEvent::TOPIC_INFO;
        let refused = client.read_events(topic, &EventsQuery::default()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden, "{refused:?}");
    }
    Ok(())
}

on_every_store!(
    end_of_a_lease_has_one_event,
    cancelled_build_has_one_event_without_a_mail,
    build_over_its_time_limit_has_one_event,
    reused_image_has_an_event_of_its_own,
    build_of_a_deployment_has_an_event_without_a_mail,
    build_of_an_outside_builder_has_one_event,
    only_notify_reads_the_events,
);
