//! Webhooks as the three kinds of forges send them, after their public documentation.

use axum::http::{HeaderName, Method, StatusCode};
use hearth_base::{Error, Result, Secret};
use hearth_client::Client;
use hearth_testkit::wait_until;
use hearth_wire::{
    components::{
        ForgeDelivery, ForgeDeliveryOutcome, ForgeKind, PreviewSource, RepositoryLink, RepositoryLinkCreate,
        RepositoryLinkId,
    },
    reply::Paging,
};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::fixture::ComponentsFixture;

/// All kinds of forges.
pub const ALL_FORGES: [ForgeKind; 3] = [ForgeKind::Github, ForgeKind::Gitlab, ForgeKind::Gitea];

/// The repository of the tests.
pub const REPOSITORY_URL: &str = "https://code.example/ada/hello";

/// A commit of the tests.
pub const PUSHED_COMMIT: &str = "4c3b1f0a9d8e7c6b5a4f3e2d1c0b9a8f7e6d5c4b";

/// A delivery of a forge.
#[derive(Debug, Clone)]
pub struct SentDelivery {
    pub forge: ForgeKind,
    pub id: String,
    pub event: &'static str,
    pub payload: Value,
}

impl SentDelivery {
    /// A push of a commit that changes `src/web.py`.
    pub fn push(forge: ForgeKind, id: &str, reference: &str, commit: &str) -> Self {
        Self::push_of(forge, id, reference, commit, REPOSITORY_URL)
    }

    /// A push to another repository.
    pub fn push_of(forge: ForgeKind, id: &str, reference: &str, commit: &str, repository: &str) -> Self {
        let commits = json!([{
            "id": commit,
            "message": "Change the page\n",
            "timestamp": "2026-05-04T12:00:00+02:00",
            "author": {"name": "Ada", "email": "ada@example.org"},
            "added": [], "modified": ["src/web.py"], "removed": []}]);
        let before = "95790bf891e76fee5e1747ab589903a6a1f80f22";
        let base = json!({"ref": reference, "before": before, "after": commit, "commits": commits});
        let own = match forge {
            ForgeKind::Github => json!({
                "created": false, "deleted": false, "forced": false,
                "compare": format!("{repository}/compare/{before}...{commit}"),
                "repository": {"id": 1, "full_name": "ada/hello", "private": false,
                    "html_url": repository, "url": repository,
                    "clone_url": format!("{repository}.git"), "ssh_url": "git@code.example:ada/hello.git"},
                "pusher": {"name": "ada", "email": "ada@example.org"}}),
            ForgeKind::Gitea => json!({
                "total_commits": 1, "compare_url": format!("{repository}/compare/{before}...{commit}"),
                "repository": {"id": 1, "full_name": "ada/hello", "html_url": repository,
                    "clone_url": format!("{repository}.git"), "ssh_url": "ssh://git@code.example/ada/hello.git"},
                "pusher": {"id": 1, "login": "ada"}, "sender": {"id": 1, "login": "ada"}}),
            ForgeKind::Gitlab => json!({
                "object_kind": "push", "event_name": "push", "checkout_sha": commit, "total_commits_count": 1,
                "project": {"id": 1, "name": "hello", "web_url": repository,
                    "git_http_url": format!("{repository}.git"), "git_ssh_url": "git@code.example:ada/hello.git"},
                "repository": {"name": "hello", "git_http_url": format!("{repository}.git"),
                    "homepage": repository}}),
        };
        Self { forge, id: id.to_owned(), event: push_event(forge), payload: merge_values(base, own) }
    }

    /// An event that is no push.
    pub fn of_event(forge: ForgeKind, id: &str, event: &'static str, payload: Value) -> Self {
        let repository = match forge {
            ForgeKind::Gitlab => json!({"project": {"web_url": REPOSITORY_URL}}),
            _ => {
                json!({"repository": {"html_url": REPOSITORY_URL, "clone_url": format!("{REPOSITORY_URL}.git")}})
            }
        };
        Self { forge, id: id.to_owned(), event, payload: merge_values(payload, repository) }
    }

    /// A merge request for the branch `main` that is opened, from a branch of the repository itself.
    pub fn merge_request(forge: ForgeKind, number: u32) -> Self {
        let own = match forge {
            ForgeKind::Gitlab => json!({"object_kind": "merge_request", "project": {"id": 1,
                "web_url": REPOSITORY_URL, "git_http_url": format!("{REPOSITORY_URL}.git")},
                "object_attributes": {"iid": number, "title": "Change the page", "action": "open",
                    "source_branch": "feature", "target_branch": "main", "source_project_id": 1,
                    "target_project_id": 1, "last_commit": {"id": PUSHED_COMMIT}}}),
            ForgeKind::Github | ForgeKind::Gitea => {
                let repository = json!({"id": 1, "full_name": "ada/hello", "html_url": REPOSITORY_URL,
                    "clone_url": format!("{REPOSITORY_URL}.git")});
                json!({"action": "opened", "number": number, "repository": repository,
                    "pull_request": {"number": number, "draft": false, "title": "Change the page",
                        "head": {"ref": "feature", "sha": PUSHED_COMMIT, "repo": repository},
                        "base": {"ref": "main", "sha": PUSHED_COMMIT, "repo": repository}}})
            }
        };
        let event = if forge == ForgeKind::Gitlab { "Merge Request Hook" } else { "pull_request" };
        Self { forge, id: format!("opened-{number}"), event, payload: own }
    }

    /// The same merge request after it was closed.
    pub fn into_closed(mut self) -> Self {
        let pointer = if self.forge == ForgeKind::Gitlab { "/object_attributes/action" } else { "/action" };
        let word = if self.forge == ForgeKind::Gitlab { "merge" } else { "closed" };
        self.set_value(pointer, json!(word));
        Self { id: format!("{}-closed", self.id), ..self }
    }

    /// The same merge request from a fork.
    pub fn into_fork(mut self) -> Self {
        match self.forge {
            ForgeKind::Gitlab => self.set_value("/object_attributes/source_project_id", json!(2)),
            _ => self.set_value("/pull_request/head/repo/id", json!(2)),
        }
        self
    }

    /// Replaces a value of the payload.
    pub fn set_value(&mut self, pointer: &str, value: Value) {
        *self.payload.pointer_mut(pointer).unwrap() = value;
    }

    /// The same delivery with another id.
    pub fn with_id(&self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self.clone() }
    }

    /// Sends it signed with the secret of the link.
    pub async fn send(
        &self,
        client: &Client,
        link: &RepositoryLink,
        secret: &Secret,
    ) -> Result<(u16, Value)> {
        let body = self.payload.to_string();
        let signature = sign_body(self.forge, secret, &body)?;
        self.send_body(client, link, body, Some(signature)).await
    }

    /// Sends any body with a signature header.
    pub async fn send_body(
        &self,
        client: &Client,
        link: &RepositoryLink,
        body: String,
        signature: Option<(&'static str, String)>,
    ) -> Result<(u16, Value)> {
        let path = format!("/components/v1/forge-webhooks/{}", link.id);
        let (event, id) = match self.forge {
            ForgeKind::Github => ("x-github-event", "x-github-delivery"),
            ForgeKind::Gitlab => ("x-gitlab-event", "x-gitlab-event-uuid"),
            ForgeKind::Gitea => ("x-gitea-event", "x-gitea-delivery"),
        };
        let mut call = client
            .build_call(Method::POST, &path)
            .header(HeaderName::from_static(event), self.event)
            .header(HeaderName::from_static(id), &self.id);
        if let Some((name, value)) = signature {
            call = call.header(HeaderName::from_static(name), &value);
        }
        let answer = call.content_bytes("application/json", body).send_raw().await?;
        let status: StatusCode = answer.status();
        let bytes = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
        Ok((status.as_u16(), serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }
}

/// The name of a push in the header of the event.
pub fn push_event(forge: ForgeKind) -> &'static str {
    if forge == ForgeKind::Gitlab { "Push Hook" } else { "push" }
}

/// Builds the header with the signature of a body.
pub fn sign_body(forge: ForgeKind, secret: &Secret, body: &str) -> Result<(&'static str, String)> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
    let mut mac = mac.map_err(|_| Error::internal("invalid key"))?;
    mac.update(body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(match forge {
        ForgeKind::Github => ("x-hub-signature-256", format!("sha256={hex}")),
        ForgeKind::Gitea => ("x-gitea-signature", hex),
        ForgeKind::Gitlab => ("x-gitlab-token", secret.expose_secret().to_owned()),
    })
}

fn merge_values(mut base: Value, other: Value) -> Value {
    if let (Some(base), Value::Object(other)) = (base.as_object_mut(), other) {
        base.extend(other);
    }
    base
}

/// The ref of the branch that deploys.
pub const MAIN_BRANCH_REF: &str = "refs/heads/main";

/// Links the repository to the tool; the branch `main` and those of releases deploy.
pub async fn link_repository(
    fixture: &ComponentsFixture,
    forge: ForgeKind,
) -> Result<(RepositoryLink, Secret)> {
    link_with_previews(fixture, forge, PreviewSource::None).await
}

/// Links the repository with previews of merge requests.
pub async fn link_with_previews(
    fixture: &ComponentsFixture,
    forge: ForgeKind,
    previews: PreviewSource,
) -> Result<(RepositoryLink, Secret)> {
    let create = RepositoryLinkCreate {
        forge,
        repository: REPOSITORY_URL.to_owned(),
        branches: vec!["main".to_owned(), "release/*".to_owned()],
        paths: Vec::new(),
        environment: None,
        previews,
        status_token: None,
    };
    let made = fixture.maintainer.components().create_repository_link(&fixture.tool, &create).await?;
    Ok((made.link, made.secret))
}

/// Lists the deliveries of a link, the newest first.
pub async fn list_deliveries(
    fixture: &ComponentsFixture,
    link: RepositoryLinkId,
) -> Result<Vec<ForgeDelivery>> {
    let calls = fixture.viewer.components();
    Ok(calls.list_forge_deliveries(&fixture.tool, link, &Paging::default()).await?.items)
}

/// Waits until no delivery of the link waits, and returns them, the newest first.
pub async fn wait_for_deliveries(
    fixture: &ComponentsFixture,
    link: RepositoryLinkId,
) -> Result<Vec<ForgeDelivery>> {
    wait_until("all deliveries have ended", async || {
        fixture.stand.advance_clock(SignedDuration::from_millis(100));
        let all = list_deliveries(fixture, link).await?;
        Ok(all.iter().all(|one| one.outcome != ForgeDeliveryOutcome::Waiting).then_some(all))
    })
    .await
}

/// Sends a delivery one second after the previous one.
pub async fn send(
    fixture: &ComponentsFixture,
    delivery: &SentDelivery,
    (link, secret): (&RepositoryLink, &Secret),
) -> Result<(u16, Value)> {
    fixture.stand.advance_clock(SignedDuration::from_secs(1));
    delivery.send(&fixture.stranger, link, secret).await
}

/// Lists the repositories and refs of all builds, the newest first.
pub fn list_built_refs(fixture: &ComponentsFixture) -> Vec<(String, String)> {
    let state = fixture.services.lock_state();
    let builds = state.builds.all.iter().map(|build| &build.parameters);
    builds.map(|build| (build.source_url.clone(), build.reference.clone())).collect()
}
