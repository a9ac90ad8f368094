//! Events about ended deployments: one for each, with the reason of a failure.

use hearth_base::{ErrorKind, Result, Role};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::BuildStatus,
    components::{
        DeploymentCreate, DeploymentFailureClass, DeploymentState, StepName, events::DeploymentEvent,
    },
    events::{Event, EventsQuery, Topic},
};

use crate::{
    failure::deploy_until_start_timeout,
    fake_services::{BuildMode, JobBehavior},
    fixture::{build_git_deployment, build_image_deployment, read_event_data, start_components},
};

fn list_types(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.event_type.as_str()).collect()
}

async fn successful_deployment_has_an_event_with_its_page(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let create = DeploymentCreate { description: "the first".to_owned(), ..build_git_deployment() };
    let done = fixture.deploy_to_end(&create).await?;
    let events = fixture.list_events().await?;
    assert_eq!(list_types(&events), ["deployment.succeeded"]);
    assert_eq!((events[0].tool, events[0].service), (Some(fixture.id), Role::Components));
    let data = read_event_data(&events[0])?;
    assert_eq!((data.deployment, data.tool.as_str(), data.revision), (done.deploy_id, "hello", Some(1)));
    assert_eq!((&*data.by, &*data.description), ("user somebody", "the first"));
    assert_eq!((data.reason, data.restored_revision), (None, None));
    assert_eq!(data.page, done.url);
    let path = format!("/components/v1/tool/hello/deployment/{}", done.deploy_id);
    assert_eq!(data.url, format!("http://localhost:8080{path}"));
    assert_eq!(events[0].read_notice()?.unwrap().summary, "succeeded: revision 1 runs");
    Ok(())
}

async fn failed_build_is_the_reason_of_its_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_image_deployment("web-only")).await?;
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_step(id, StepName::Build).await?;
    fixture.services.change_state(|state| {
        state.builds.end_newest(BuildStatus::BuildFailure, "npm found no script\nlines of its log");
    });
    fixture.wait_for_end(id).await?;
    let events = fixture.list_events().await?;
    assert_eq!(list_types(&events), ["deployment.succeeded", "deployment.failed"]);
    let data = read_event_data(&events[1])?;
    assert_eq!((data.state, data.still_running), (DeploymentState::Failed, Some(1)));
    assert_eq!(data.reason.as_deref(), Some("npm found no script"));
    assert_eq!(data.failure_class, Some(DeploymentFailureClass::Build));
    assert_eq!((data.component, data.step), (Some("web".parse()?), Some(StepName::Build)));
    assert!(data.help.unwrap().starts_with("hearth build logs "));
    let notice = events[1].read_notice()?.unwrap();
    assert_eq!((&*notice.subject, &*notice.summary), ("deployment", "failed: npm found no script"));
    assert_eq!(notice.next_command, Some(format!("hearth deployment show {id}")));
    assert_eq!(notice.facts.iter().filter(|fact| fact.text.contains("://")).count(), 1, "{notice:?}");
    Ok(())
}

async fn deployment_that_is_not_ready_in_time_has_one_event(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let failed = deploy_until_start_timeout(&fixture).await?;
    assert_eq!(failed.status, DeploymentState::TimedOut);
    let events = fixture.list_events().await?;
    assert_eq!(list_types(&events), ["deployment.failed"]);
    let data = read_event_data(&events[0])?;
    assert_eq!((data.state, data.step), (DeploymentState::TimedOut, Some(StepName::Switch)));
    assert!(data.reason.unwrap().starts_with("web was not ready in time"));
    Ok(())
}

async fn cancelled_and_deleted_deployments_have_one_event_without_a_mail(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::NeverReady);
    let id = fixture.deploy(&build_image_deployment("web-only")).await?.deploy_id;
    fixture.wait_for_step(id, StepName::Switch).await?;
    fixture.maintainer.components().cancel(&fixture.tool, id).await?;
    fixture.wait_for_end(id).await?;
    // The deletion of an ended deployment is no second end.
    fixture.maintainer.components().delete(&fixture.tool, id).await?;
    fixture.wait_until_finalized(0).await?;
    let deleted = fixture.deploy(&build_image_deployment("web-only")).await?.deploy_id;
    fixture.wait_for_step(deleted, StepName::Switch).await?;
    fixture.maintainer.components().delete(&fixture.tool, deleted).await?;
    fixture.wait_until_finalized(0).await?;
    let events = fixture.list_events().await?;
    assert_eq!(list_types(&events), ["deployment.cancelled", "deployment.cancelled"]);
    for (event, id) in events.iter().zip([id, deleted]) {
        assert_eq!((read_event_data(event)?.deployment, &event.notice), (id, &None));
    }
    Ok(())
}

async fn rollback_of_a_user_differs_from_the_deployment_of_an_image(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    fixture.deploy_to_end(&build_image_deployment("web-only")).await?;
    let back = DeploymentCreate { revision: Some(1), ..DeploymentCreate::default() };
    assert_eq!(fixture.deploy_to_end(&back).await?.revision, Some(3));
    let events = fixture.list_events().await?;
    let expected = ["deployment.succeeded", "deployment.succeeded", "deployment.rolled_back"];
    assert_eq!(list_types(&events), expected);
    let data = read_event_data(&events[2])?;
    assert_eq!((data.restored_revision, data.revision), (Some(1), Some(3)));
    let summary = events[2].read_notice()?.unwrap().summary;
    assert_eq!(summary, "returned the tool to revision 1: revision 3 runs");
    Ok(())
}

async fn only_notify_reads_the_events(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for client in [&fixture.maintainer, &fixture.stranger, &fixture.stand.service_client(Role::Jobs)?] {
        let query = EventsQuery::default();
        let refused = client.read_events(DeploymentEvent::TOPIC_INFO, &query).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden, "{refused:?}");
    }
    Ok(())
}

on_every_store!(
    successful_deployment_has_an_event_with_its_page,
    failed_build_is_the_reason_of_its_deployment,
    deployment_that_is_not_ready_in_time_has_one_event,
    cancelled_and_deleted_deployments_have_one_event_without_a_mail,
    rollback_of_a_user_differs_from_the_deployment_of_an_image,
    only_notify_reads_the_events,
);
