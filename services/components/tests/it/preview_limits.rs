//! Limits of previews: their number, and their place in the queue of deployments.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::{
    builds::BuildStatus,
    components::{DeploymentState, ForgeDeliveryOutcome, ForgeKind, PreviewSource},
    reply::Paging,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    fake_services::BuildMode,
    fixture::{build_git_deployment, start_components},
    forge_deliveries::{
        PUSHED_COMMIT, SentDelivery, link_with_previews, list_deliveries, send, wait_for_deliveries,
    },
    push_deployments::start_with_forge,
    several::list_jobs,
};

/// The number of live previews that a tool may have.
const MAX_PREVIEWS: u32 = 10;

async fn preview_beyond_the_limit_is_refused_in_the_log_and_at_the_forge(db: Db) -> Result<()> {
    let (fixture, forge, made) = start_with_forge(db, PreviewSource::Repository).await?;
    let repository = made.link.repository.clone();
    let link = (&made.link, &made.secret);
    let build_request = |number| {
        let mut request = SentDelivery::merge_request(ForgeKind::Gitea, number);
        request.set_value("/repository/html_url", json!(repository));
        request.set_value("/repository/clone_url", json!(repository));
        request
    };
    for number in 1..=MAX_PREVIEWS {
        assert_eq!(send(&fixture, &build_request(number), link).await?.0, 202);
        let log = wait_for_deliveries(&fixture, made.link.id).await?;
        fixture.wait_for_end_advancing_time(log[0].deployment.unwrap()).await?;
    }
    let (status, answer) = send(&fixture, &build_request(11), link).await?;
    assert_eq!((status, &answer["data"]["outcome"]), (200, &json!("refused")), "{answer}");
    let log = list_deliveries(&fixture, made.link.id).await?;
    assert!(log[0].reason.starts_with("the tool has 10 previews; more are not allowed"), "{:?}", log[0]);
    let reported = wait_until("the refusal is reported", async || {
        fixture.stand.advance_clock(SignedDuration::from_millis(100));
        Ok(forge.requests().into_iter().find(|request| request.body.contains("more are not allowed")))
    })
    .await?;
    let body: Value = serde_json::from_str(&reported.body).unwrap();
    assert_eq!((&body["state"], &body["context"]), (&json!("failure"), &json!("hearth/hello/preview")));
    assert!(reported.request_line.contains(PUSHED_COMMIT), "{}", reported.request_line);
    assert_eq!(list_jobs(&fixture).len(), usize::try_from(MAX_PREVIEWS).unwrap());
    // The state of a preview names its page.
    let is_success =
        |body: &Value| body["state"] == "success" && body["target_url"].as_str().unwrap().contains("--pr-1.");
    wait_until("the page of the preview is reported", async || {
        fixture.stand.advance_clock(SignedDuration::from_millis(100));
        let bodies = forge
            .requests()
            .into_iter()
            .filter_map(|request| serde_json::from_str::<Value>(&request.body).ok());
        Ok(bodies.into_iter().any(|body| is_success(&body)).then_some(()))
    })
    .await?;

    // One that exists gets its new commits, and a closed one makes room.
    assert_eq!(send(&fixture, &build_request(1).with_id("again"), link).await?.0, 202);
    assert_eq!(send(&fixture, &build_request(2).into_closed(), link).await?.0, 202);
    wait_for_deliveries(&fixture, made.link.id).await?;
    assert_eq!(send(&fixture, &build_request(11).with_id("later"), link).await?.0, 202);
    let log = wait_for_deliveries(&fixture, made.link.id).await?;
    assert_eq!(log[0].outcome, ForgeDeliveryOutcome::Deployed, "{:?}", log[0]);
    Ok(())
}

async fn deployments_of_the_tool_come_before_queued_previews(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_with_previews(&fixture, ForgeKind::Github, PreviewSource::Repository).await?;
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    fixture.deploy(&build_git_deployment()).await?;
    for number in 1..=7 {
        send(&fixture, &SentDelivery::merge_request(ForgeKind::Github, number), (&link, &secret)).await?;
    }
    // Five are queued; the others wait outside of the queue.
    let log = wait_until("five previews are queued", async || {
        fixture.stand.advance_clock(SignedDuration::from_millis(500));
        let log = list_deliveries(&fixture, link.id).await?;
        let queued = log.iter().filter(|one| one.outcome == ForgeDeliveryOutcome::Deployed).count();
        Ok((queued == 5).then_some(log))
    })
    .await?;
    assert_eq!(log.iter().filter(|one| one.outcome == ForgeDeliveryOutcome::Waiting).count(), 2);
    let own = fixture.deploy_queued(&build_git_deployment()).await?;
    assert_eq!(own.status, DeploymentState::Pending);
    fixture.services.change_state(|state| {
        state.builds.mode = BuildMode::Immediate;
        state.builds.end_newest(BuildStatus::BuildSuccess, "made");
    });
    wait_until("all deployments have ended", async || {
        fixture.stand.advance_clock(SignedDuration::from_secs(5));
        let all = fixture.viewer.components().list(&fixture.tool, &Paging::default()).await?.deployments;
        Ok((all.len() == 9 && all.iter().all(|one| one.status.has_ended())).then_some(()))
    })
    .await?;
    let state = fixture.services.lock_state();
    let numbers: Vec<_> = state.builds.all.iter().rev().map(|build| build.parameters.preview).collect();
    assert!(
        numbers[..2].iter().all(Option::is_none) && numbers[2..].iter().all(Option::is_some),
        "{numbers:?}"
    );
    Ok(())
}

on_every_store!(
    preview_beyond_the_limit_is_refused_in_the_log_and_at_the_forge,
    deployments_of_the_tool_come_before_queued_previews,
);
