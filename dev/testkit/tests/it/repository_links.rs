//! Linked repositories on a whole Hearth: the webhook passes the gateway without a credential, and a link ends with the
//! right of its owner.

use hearth_base::{Result, Secret, ToolName, ToolRole};
use hearth_client::Client;
use hearth_testkit::{Hearth, in_every_shape, wait_until};
use hearth_wire::{
    components::{
        DeploymentQuery, ForgeDelivery, ForgeDeliveryOutcome, ForgeKind, PreviewSource, RepositoryLink,
        RepositoryLinkCreate,
    },
    reply::{Paging, Refusal},
};
use http::{HeaderName, Method};
use http_body_util::BodyExt;
use serde_json::json;

const REPOSITORY_URL: &str = "https://code.example/ada/hello";

fn build_create() -> RepositoryLinkCreate {
    RepositoryLinkCreate {
        forge: ForgeKind::Gitlab,
        repository: REPOSITORY_URL.to_owned(),
        branches: vec!["main".to_owned()],
        paths: Vec::new(),
        environment: None,
        previews: PreviewSource::None,
        status_token: None,
    }
}

/// Sends a push as GitLab does. Returns the status, and the code of a refusal.
async fn send_push(
    client: &Client,
    link: &RepositoryLink,
    id: &str,
    token: Option<&Secret>,
    more: usize,
) -> Result<(u16, String)> {
    let payload = json!({"object_kind": "push", "ref": "refs/heads/main",
        "after": "4c3b1f0a9d8e7c6b5a4f3e2d1c0b9a8f7e6d5c4b", "more": "x".repeat(more),
        "project": {"web_url": REPOSITORY_URL, "git_http_url": format!("{REPOSITORY_URL}.git")}});
    let path = format!("/components/v1/forge-webhooks/{}", link.id);
    let mut call = client
        .build_call(Method::POST, &path)
        .header(HeaderName::from_static("x-gitlab-event"), "Push Hook")
        .header(HeaderName::from_static("x-gitlab-event-uuid"), id);
    if let Some(token) = token {
        call = call.header(HeaderName::from_static("x-gitlab-token"), token.expose_secret());
    }
    let (head, body) = call.json(&payload).send_raw().await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
    Ok((head.status.as_u16(), refusal.code))
}

/// Waits until a delivery has ended.
async fn wait_for_delivery(
    client: &Client,
    tool: &ToolName,
    link: &RepositoryLink,
    id: &str,
) -> Result<ForgeDelivery> {
    wait_until("the delivery has ended", async || {
        let all = client.components().list_forge_deliveries(tool, link.id, &Paging::default()).await?.items;
        let found = all.into_iter().find(|delivery| delivery.forge_id == id);
        Ok(found.filter(|delivery| delivery.outcome != ForgeDeliveryOutcome::Waiting))
    })
    .await
}

async fn push_deploys_in_the_name_of_the_owner_until_the_right_of_the_owner_ends(
    hearth: Hearth,
) -> Result<()> {
    let operator = hearth.operator().await?;
    let (ann, bob) =
        (hearth.invite_person(&operator, "ann").await?, hearth.invite_person(&operator, "bob").await?);
    let tool = ann.create_tool("hello").await?;
    ann.add_member(&tool, &bob, ToolRole::Maintainer).await?;
    let bobs = bob.client.components();
    let create = build_create();
    let made = async || Ok(bobs.create_repository_link(&tool, &create).await.ok());
    let made = wait_until("bob is a maintainer", made).await?;
    assert_eq!((made.link.owner.as_ref(), made.link.suspended), (Some(&bob.name), false));

    let (anonymous, link) = (hearth.anonymous()?, &made.link);
    let unsigned = send_push(&anonymous, link, "one", None, 0).await?;
    assert_eq!(unsigned, (401, "forge-signature".to_owned()));
    let wrong = send_push(&anonymous, link, "one", Some(&Secret::new("hfs_wrong")), 0).await?;
    assert_eq!(wrong, (401, "forge-signature".to_owned()));
    assert_eq!(send_push(&anonymous, link, "one", Some(&made.secret), 1 << 20).await?.0, 413);
    assert_eq!(send_push(&anonymous, link, "one", Some(&made.secret), 0).await?.0, 202);
    let delivery = wait_for_delivery(&ann.client, &tool, link, "one").await?;
    assert_eq!(delivery.outcome, ForgeDeliveryOutcome::Deployed, "{delivery:?}");
    let deployment = delivery.deployment.unwrap();
    let deployment = ann.client.components().show(&tool, deployment, &DeploymentQuery::default()).await?;
    assert_eq!((&*deployment.by, deployment.repository_link), ("user bob", Some(link.id)));

    ann.add_member(&tool, &bob, ToolRole::Viewer).await?;
    let anns = ann.client.components();
    assert!(anns.show_repository_link(&tool, link.id).await?.suspended);
    assert_eq!(send_push(&anonymous, link, "two", Some(&made.secret), 0).await?.0, 202);
    let delivery = wait_for_delivery(&ann.client, &tool, link, "two").await?;
    assert_eq!(delivery.outcome, ForgeDeliveryOutcome::Failed, "{delivery:?}");
    assert!(delivery.reason.contains("its owner bob may no longer change the tool"), "{delivery:?}");
    // A new role does not revive it.
    ann.add_member(&tool, &bob, ToolRole::Maintainer).await?;
    assert!(anns.show_repository_link(&tool, link.id).await?.suspended);

    let taken = anns.rotate_repository_link_secret(&tool, link.id).await?;
    assert_eq!((taken.link.owner.as_ref(), taken.link.suspended), (Some(&ann.name), false));
    assert_eq!(send_push(&anonymous, link, "three", Some(&made.secret), 0).await?.0, 401);
    assert_eq!(send_push(&anonymous, link, "three", Some(&taken.secret), 0).await?.0, 202);
    let delivery = wait_for_delivery(&ann.client, &tool, link, "three").await?;
    assert_eq!(delivery.outcome, ForgeDeliveryOutcome::Deployed, "{delivery:?}");
    let deployment = delivery.deployment.unwrap();
    let deployment = anns.show(&tool, deployment, &DeploymentQuery::default()).await?;
    assert_eq!(deployment.by, "user ann");

    anns.delete_repository_link(&tool, link.id).await?;
    let gone = send_push(&anonymous, link, "four", Some(&taken.secret), 0).await?;
    assert_eq!(gone, (404, "no-such-repository-link".to_owned()));
    let entries = ann.client.audit().list_for_tool(&tool, &Paging::default()).await?.items;
    for action in ["standing-mandate.create", "standing-mandate.use"] {
        assert!(entries.iter().any(|entry| entry.action == action), "{action}: {entries:?}");
    }
    Ok(())
}

in_every_shape!(push_deploys_in_the_name_of_the_owner_until_the_right_of_the_owner_ends);
