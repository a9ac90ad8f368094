//! Previews of merge requests on a whole Hearth: the webhook passes the gateway, and the owner of the link acts.

use hearth_base::{Result, Secret, ToolName};
use hearth_client::Client;
use hearth_testkit::{Hearth, in_every_shape, wait_until};
use hearth_wire::{
    components::{
        DeploymentQuery, ForgeDelivery, ForgeDeliveryOutcome, ForgeKind, PreviewSource, RepositoryLink,
        RepositoryLinkCreate,
    },
    reply::Paging,
};
use http::{HeaderName, Method};
use serde_json::{Value, json};

const REPOSITORY_URL: &str = "https://code.example/ada/hello";

/// Builds the merge request 7 as GitLab describes it, of the project with this id.
fn build_merge_request(action: &str, source_project: u32) -> Value {
    json!({"object_kind": "merge_request",
        "project": {"id": 1, "web_url": REPOSITORY_URL, "git_http_url": format!("{REPOSITORY_URL}.git")},
        "object_attributes": {"iid": 7, "action": action, "source_branch": "feature", "target_branch": "main",
            "source_project_id": source_project, "target_project_id": 1,
            "last_commit": {"id": "4c3b1f0a9d8e7c6b5a4f3e2d1c0b9a8f7e6d5c4b"}}})
}

/// Sends a merge request; returns the delivery once it has ended.
async fn deliver(
    (client, anonymous): (&Client, &Client),
    tool: &ToolName,
    (link, secret): (&RepositoryLink, &Secret),
    (id, payload): (&str, Value),
) -> Result<ForgeDelivery> {
    let path = format!("/components/v1/forge-webhooks/{}", link.id);
    let answer = anonymous
        .build_call(Method::POST, &path)
        .header(HeaderName::from_static("x-gitlab-event"), "Merge Request Hook")
        .header(HeaderName::from_static("x-gitlab-event-uuid"), id)
        .header(HeaderName::from_static("x-gitlab-token"), secret.expose_secret())
        .json(&payload)
        .send_raw()
        .await?;
    assert!(answer.status().is_success(), "{}", answer.status());
    wait_until("the delivery has ended", async || {
        let all = client.components().list_forge_deliveries(tool, link.id, &Paging::default()).await?.items;
        let found = all.into_iter().find(|delivery| delivery.forge_id == id);
        Ok(found.filter(|delivery| delivery.outcome != ForgeDeliveryOutcome::Waiting))
    })
    .await
}

async fn merge_request_has_a_preview_until_it_is_closed(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ann = hearth.invite_person(&operator, "ann").await?;
    let tool = ann.create_tool("hello").await?;
    let calls = ann.client.components();
    let create = RepositoryLinkCreate {
        forge: ForgeKind::Gitlab,
        repository: REPOSITORY_URL.to_owned(),
        branches: vec!["main".to_owned()],
        paths: Vec::new(),
        environment: None,
        previews: PreviewSource::Repository,
        status_token: None,
    };
    let made = calls.create_repository_link(&tool, &create).await?;
    let anonymous = hearth.anonymous()?;
    let (clients, link) = ((&ann.client, &anonymous), (&made.link, &made.secret));

    let fork = deliver(clients, &tool, link, ("fork", build_merge_request("open", 2))).await?;
    assert_eq!(fork.outcome, ForgeDeliveryOutcome::Ignored, "{fork:?}");
    let opened = deliver(clients, &tool, link, ("opened", build_merge_request("open", 1))).await?;
    assert_eq!(
        (opened.outcome, &*opened.reference),
        (ForgeDeliveryOutcome::Deployed, "refs/merge-requests/7/head"),
        "{opened:?}"
    );
    let deployment = opened.deployment.unwrap();
    let shown = calls.show(&tool, deployment, &DeploymentQuery::default()).await?;
    assert_eq!((shown.environment.as_deref(), &*shown.by), (Some("pr-7"), "user ann"));
    let listed = calls.list_environments(&tool).await?.environments;
    assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["pr-7"]);
    assert!(listed[0].expires.is_some(), "{listed:?}");

    let closed = deliver(clients, &tool, link, ("closed", build_merge_request("merge", 1))).await?;
    assert_eq!(closed.outcome, ForgeDeliveryOutcome::Removed, "{closed:?}");
    assert!(calls.show(&tool, deployment, &DeploymentQuery::default()).await?.status.has_ended());
    assert_eq!(calls.list_environments(&tool).await?.environments, []);
    Ok(())
}

in_every_shape!(merge_request_has_a_preview_until_it_is_closed);
