//! Deployments that pushes start, and the owner in whose name they do.

use hearth_base::{Result, Secret};
use hearth_kit::db::Db;
use hearth_testkit::{ReceiverReply, WebhookReceiver, on_every_store, wait_until};
use hearth_wire::{
    builds::BuildStatus,
    components::{
        DeploymentState, ForgeDeliveryOutcome, ForgeKind, PreviewSource, RepositoryLinkCreate,
        RepositoryLinkPatch, RepositoryLinkSecret,
    },
    reply::Paging,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    fake_services::BuildMode,
    fixture::{ComponentsFixture, start_components, start_components_with},
    forge_deliveries::{
        MAIN_BRANCH_REF, PUSHED_COMMIT, REPOSITORY_URL, SentDelivery, link_repository, list_built_refs,
        list_deliveries, send, wait_for_deliveries,
    },
};

async fn pushes_in_a_row_become_one_queued_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_repository(&fixture, ForgeKind::Github).await?;
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    let push = SentDelivery::push(ForgeKind::Github, "first", MAIN_BRANCH_REF, PUSHED_COMMIT);
    send(&fixture, &push, (&link, &secret)).await?;
    let running = wait_for_deliveries(&fixture, link.id).await?[0].deployment.unwrap();
    fixture.wait_for_calls("GET builds * logs", 1).await?;
    for id in ["second", "third", "fourth"] {
        send(&fixture, &push.with_id(id), (&link, &secret)).await?;
        wait_for_deliveries(&fixture, link.id).await?;
    }
    let all = fixture.viewer.components().list(&fixture.tool, &Paging::default()).await?.deployments;
    assert_eq!(all.len(), 2, "{all:?}");
    let log = list_deliveries(&fixture, link.id).await?;
    let deployments: Vec<_> = log.iter().map(|delivery| delivery.deployment.unwrap()).collect();
    assert_eq!(deployments, [all[0].deploy_id, all[0].deploy_id, all[0].deploy_id, running]);
    assert_eq!(list_built_refs(&fixture).len(), 1, "a queued deployment has not resolved its ref");
    wait_until("both deployments have ended", async || {
        fixture.services.change_state(|state| state.builds.end_newest(BuildStatus::BuildSuccess, "made"));
        let all = fixture.viewer.components().list(&fixture.tool, &Paging::default()).await?.deployments;
        Ok(all.iter().all(|one| one.status.has_ended()).then_some(()))
    })
    .await?;
    assert_eq!(list_built_refs(&fixture).len(), 2);
    fixture.wait_until_finalized(2).await
}

async fn link_is_suspended_when_its_owner_loses_the_right_until_it_is_taken_over(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_repository(&fixture, ForgeKind::Gitea).await?;
    let (calls, tool) = (fixture.maintainer.components(), &fixture.tool);
    assert!(!calls.show_repository_link(tool, link.id).await?.suspended);
    fixture.services.change_state(|state| state.accounts.end_standing_mandates());
    assert!(calls.show_repository_link(tool, link.id).await?.suspended);
    let push = SentDelivery::push(ForgeKind::Gitea, "one", MAIN_BRANCH_REF, PUSHED_COMMIT);
    assert_eq!(send(&fixture, &push, (&link, &secret)).await?.0, 202);
    let log = wait_for_deliveries(&fixture, link.id).await?;
    assert_eq!(log[0].outcome, ForgeDeliveryOutcome::Failed);
    assert!(log[0].reason.contains("its owner somebody may no longer change the tool"), "{log:?}");
    assert!(log[0].reason.contains(&format!("hearth repository rotate {}", link.id)), "{log:?}");
    assert!(list_built_refs(&fixture).is_empty());

    // Who takes it over gets a new secret: the former owner knows the old one.
    let taken = calls.rotate_repository_link_secret(tool, link.id).await?;
    assert!(!taken.link.suspended && taken.secret != secret);
    assert_eq!(send(&fixture, &push.with_id("two"), (&link, &secret)).await?.0, 401);
    assert_eq!(send(&fixture, &push.with_id("three"), (&link, &taken.secret)).await?.0, 202);
    let log = wait_for_deliveries(&fixture, link.id).await?;
    let deployed = log.iter().find(|one| one.forge_id == "three").unwrap();
    let deployed = fixture.wait_for_end(deployed.deployment.unwrap()).await?;
    assert_eq!(deployed.status, DeploymentState::Successful);
    assert_eq!(fixture.services.lock_state().accounts.count_standing_mandates(), 1);
    Ok(())
}

async fn push_deploys_the_stored_configuration_at_the_pushed_branch(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let config = format!(
        "config_version: hearth/v1\nbuild: {{repository: {REPOSITORY_URL}.git, ref: develop}}\n\
         components:\n  web: {{publish: true}}\n  \
         docs: {{build: {{repository: https://code.example/docs, ref: v1}}, command: ./docs}}\n"
    );
    fixture.maintainer.components().save_config(&fixture.tool, &config, None).await?;
    let (link, secret) = link_repository(&fixture, ForgeKind::Gitlab).await?;
    let push = SentDelivery::push(ForgeKind::Gitlab, "one", "refs/heads/release/2", PUSHED_COMMIT);
    send(&fixture, &push, (&link, &secret)).await?;
    let log = wait_for_deliveries(&fixture, link.id).await?;
    assert_eq!(log[0].outcome, ForgeDeliveryOutcome::Deployed, "{log:?}");
    let deployed = fixture.wait_for_end(log[0].deployment.unwrap()).await?;
    assert_eq!(deployed.runs.keys().collect::<Vec<_>>(), ["docs", "web"]);
    let mut refs = list_built_refs(&fixture);
    refs.sort();
    let built = |url: &str, reference: &str| (url.to_owned(), reference.to_owned());
    let expected = [
        built(&format!("{REPOSITORY_URL}.git"), "refs/heads/release/2"),
        built("https://code.example/docs", "v1"),
    ];
    assert_eq!(refs, expected);
    Ok(())
}

async fn environment_without_a_stored_configuration_fails_with_its_reason(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (link, secret) = link_repository(&fixture, ForgeKind::Github).await?;
    let patch = RepositoryLinkPatch { environment: Some("staging".to_owned()), ..Default::default() };
    let calls = fixture.maintainer.components();
    let changed = calls.update_repository_link(&fixture.tool, link.id, &patch).await?;
    assert_eq!(changed.environment.as_deref(), Some("staging"));
    let push = SentDelivery::push(ForgeKind::Github, "one", MAIN_BRANCH_REF, PUSHED_COMMIT);
    send(&fixture, &push, (&link, &secret)).await?;
    let log = wait_for_deliveries(&fixture, link.id).await?;
    assert_eq!(log[0].outcome, ForgeDeliveryOutcome::Failed);
    assert!(log[0].reason.contains("has no stored configuration"), "{log:?}");
    assert_eq!(fixture.services.lock_state().accounts.count_open_mandates(), 0);
    Ok(())
}

/// Starts the service with a forge that takes commit statuses, and a linked repository of it.
pub async fn start_with_forge(
    db: Db,
    previews: PreviewSource,
) -> Result<(ComponentsFixture, WebhookReceiver, RepositoryLinkSecret)> {
    let forge = WebhookReceiver::start().await?;
    forge.set_reply(ReceiverReply { status: "201 Created", ..ReceiverReply::default() });
    let place = forge.address().parse()?;
    let fixture = start_components_with(db, |config| config.outbound.allow = vec![place]).await?;
    let repository = format!("http://{}/ada/hello", forge.address());
    let create = RepositoryLinkCreate {
        forge: ForgeKind::Gitea,
        repository,
        branches: vec!["main".to_owned()],
        paths: Vec::new(),
        environment: None,
        previews,
        status_token: Some(Secret::new("t0ken")),
    };
    let made = fixture.maintainer.components().create_repository_link(&fixture.tool, &create).await?;
    Ok((fixture, forge, made))
}

async fn deployment_of_a_push_is_reported_to_the_forge(db: Db) -> Result<()> {
    let (fixture, forge, made) = start_with_forge(db, PreviewSource::None).await?;
    let (calls, repository) = (fixture.maintainer.components(), made.link.repository.clone());
    assert!(made.link.has_status_token);
    let push = SentDelivery::push_of(ForgeKind::Gitea, "one", MAIN_BRANCH_REF, PUSHED_COMMIT, &repository);
    send(&fixture, &push, (&made.link, &made.secret)).await?;
    let log = wait_for_deliveries(&fixture, made.link.id).await?;
    let deployed = fixture.wait_for_end(log[0].deployment.unwrap()).await?;
    let last_state = async || {
        fixture.stand.advance_clock(SignedDuration::from_millis(100));
        let requests = forge.requests();
        let found = requests.last().filter(|request| request.body.contains("\"success\"")).cloned();
        Ok(found)
    };
    let reported = wait_until("the success is reported", last_state).await?;
    // The commit is the one that the build resolved, and not the one that the forge named.
    let resolved = "8a1f0c3d5e7b9a1f0c3d5e7b9a1f0c3d5e7b9a1f";
    let line = format!("POST /api/v1/repos/ada/hello/statuses/{resolved} HTTP/1.1");
    assert_eq!(reported.request_line.trim_end(), line);
    assert_eq!(reported.header_value("authorization"), "token t0ken");
    let body: Value = serde_json::from_str(&reported.body).unwrap();
    assert_eq!((&body["context"], &body["description"]), (&json!("hearth/hello"), &json!("revision 1 runs")));
    assert!(body["target_url"].as_str().unwrap().ends_with(&deployed.deploy_id.to_string()), "{body}");

    // A refusal is shown with the link.
    forge.set_reply(ReceiverReply { status: "401 Unauthorized", ..ReceiverReply::default() });
    send(&fixture, &push.with_id("two"), (&made.link, &made.secret)).await?;
    let shown = wait_until("the refusal is shown", async || {
        fixture.stand.advance_clock(SignedDuration::from_millis(100));
        let shown = calls.show_repository_link(&fixture.tool, made.link.id).await?;
        Ok(shown.status_problem)
    })
    .await?;
    assert_eq!(shown, "the forge refused the status (401)");
    Ok(())
}

on_every_store!(
    pushes_in_a_row_become_one_queued_deployment,
    link_is_suspended_when_its_owner_loses_the_right_until_it_is_taken_over,
    push_deploys_the_stored_configuration_at_the_pushed_branch,
    environment_without_a_stored_configuration_fails_with_its_reason,
    deployment_of_a_push_is_reported_to_the_forge,
);
