//! The build service with an outside builder: its receiver of announcements, and the services that a report reaches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, get, post, put},
};
use hearth_base::{BuildId, Entropy, Error, Result, Role, Secret, TokenId, ToolId};
use hearth_client::Client;
use hearth_kit::{Query, db::Db, signed_webhooks::compute_signature};
use hearth_testkit::{ReceivedRequest, ServiceStand, WebhookReceiver, wait_until};
use hearth_wire::{
    accounts::internal::{ToolTokenCreate, ToolTokenCreated},
    builds::{
        BuildCreate, BuildCreateQuery,
        internal::{BuildFinish, BuildHeartbeat, BuildLeaseOutcome},
        outside::{AnnouncedBuild, BuildAnnouncement, BuilderChoice, OutsideBuilderCreate},
    },
    images::{
        PROCESSES_LABEL,
        internal::{ImageConfig, ImageKind, ImageResolution, ImageResolveQuery},
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fixture::{BuildsFixture, IMAGE_DIGEST, start_fixture_with_fakes};

/// State of the fakes of `accounts`, `images` and `logs`.
#[derive(Default)]
pub struct FakeState {
    /// Credentials that were created, with their secrets and grants.
    pub created: Vec<(TokenId, String, ToolTokenCreate)>,
    /// Credentials that were revoked.
    pub revoked: Vec<TokenId>,
    /// Lines of logs.
    pub lines: Vec<String>,
    /// Parts of logs that are complete, as run and instance.
    pub completed: Vec<(String, String)>,
    /// Pins, as method and holder.
    pub pins: Vec<String>,
    /// Documents that were attached to images.
    pub attached: Vec<Value>,
    /// True once the image has been pushed.
    pub is_pushed: bool,
    /// True if the person who registered the builder has left the tool.
    pub has_owner_left: bool,
}

/// Shared state of the fakes.
#[derive(Clone, Default)]
pub struct Fakes(Arc<Mutex<FakeState>>);

impl Fakes {
    /// Locks the state.
    pub fn lock_state(&self) -> MutexGuard<'_, FakeState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The build service with an outside builder.
pub struct OutsideFixture {
    pub base: BuildsFixture,
    pub receiver: WebhookReceiver,
    pub fakes: Fakes,
    /// The secret that signs announcements.
    pub secret: Secret,
}

/// Starts the service with an outside builder `ci` of the tool, which the tool has chosen.
pub async fn start_outside_fixture(db: Db, falls_back: bool) -> Result<OutsideFixture> {
    let receiver = WebhookReceiver::start().await?;
    let fakes = Fakes::default();
    let base = start_fixture_with_fakes(db, receiver.address(), |stand| mount_fakes(stand, &fakes)).await?;
    let create = OutsideBuilderCreate { name: "ci".parse()?, url: receiver.url(), falls_back };
    let made = base.maintainer.builds().add_tool_builder(&base.tool, &create).await?;
    let choice = BuilderChoice { builder: Some("ci".parse()?) };
    base.maintainer.builds().choose_tool_builder(&base.tool, &choice).await?;
    Ok(OutsideFixture { base, receiver, fakes, secret: made.secret })
}

/// Mounts the fakes of `accounts`, `images` and `logs`.
fn mount_fakes(stand: &ServiceStand, fakes: &Fakes) {
    let accounts = Router::new()
        .route("/accounts/v1/internal/tool-tokens", post(create_token))
        .route("/accounts/v1/internal/tool-tokens/{token}", delete(revoke_token))
        .route("/accounts/v1/internal/owners", post(check_owner));
    let images = Router::new()
        .route("/images/v1/internal/resolve", get(resolve_image))
        .route("/images/v1/internal/artifacts", post(attach_artifact))
        .route("/images/v1/internal/pins/{holder}", put(pin_image).delete(unpin_image));
    let logs = Router::new().route("/logs/v1/internal/lines", post(append_lines));
    for (role, router) in [(Role::Accounts, accounts), (Role::Images, images), (Role::Logs, logs)] {
        let service = hearth_kit::build_local_service(router.with_state(fakes.clone()));
        stand.set_fake_service(role, service);
    }
}

fn wrap_data(data: &Value) -> Json<Value> {
    Json(json!({ "data": data }))
}

async fn create_token(State(fakes): State<Fakes>, Json(create): Json<ToolTokenCreate>) -> Json<Value> {
    let id = TokenId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
    let secret = format!("secret-of-{id}");
    fakes.lock_state().created.push((id, secret.clone(), create));
    let created = ToolTokenCreated { id, secret: Secret::new(secret), expires: Timestamp::MAX };
    wrap_data(&serde_json::to_value(created).unwrap())
}

async fn revoke_token(State(fakes): State<Fakes>, Path(token): Path<TokenId>) -> Json<Value> {
    fakes.lock_state().revoked.push(token);
    wrap_data(&json!({}))
}

async fn check_owner(State(fakes): State<Fakes>) -> Json<Value> {
    wrap_data(&json!({"name": "ann", "active": !fakes.lock_state().has_owner_left}))
}

async fn resolve_image(
    State(fakes): State<Fakes>,
    Query(query): Query<ImageResolveQuery>,
) -> (StatusCode, Json<Value>) {
    let image = query.image;
    if !fakes.lock_state().is_pushed || !image.ends_with(IMAGE_DIGEST) {
        let refusal = json!({"messages": {"error": ["there is no image"]}, "code": "no-such-image"});
        return (StatusCode::NOT_FOUND, Json(refusal));
    }
    let labels = [(PROCESSES_LABEL.to_owned(), r#"{"web":"./serve"}"#.to_owned())].into();
    let found = ImageResolution {
        reference: format!("hearth.example/{image}"),
        image,
        digest: IMAGE_DIGEST.parse().unwrap(),
        state: "stable".to_owned(),
        kind: ImageKind::Built,
        config: ImageConfig { labels, ..ImageConfig::default() },
    };
    (StatusCode::OK, wrap_data(&serde_json::to_value(found).unwrap()))
}

async fn attach_artifact(State(fakes): State<Fakes>, Json(attached): Json<Value>) -> Json<Value> {
    fakes.lock_state().attached.push(attached);
    wrap_data(&json!({"digest": IMAGE_DIGEST}))
}

async fn pin_image(State(fakes): State<Fakes>, Path(holder): Path<String>) -> Json<Value> {
    fakes.lock_state().pins.push(format!("PUT {holder}"));
    wrap_data(&json!({}))
}

async fn unpin_image(State(fakes): State<Fakes>, Path(holder): Path<String>) -> Json<Value> {
    fakes.lock_state().pins.push(format!("DELETE {holder}"));
    wrap_data(&json!({}))
}

async fn append_lines(State(fakes): State<Fakes>, Json(batch): Json<Value>) -> Json<Value> {
    let lines = batch["lines"].as_array().cloned().unwrap_or_default();
    if batch["complete"] == true {
        let part = |name: &str| batch["source"][name].as_str().unwrap_or_default().to_owned();
        fakes.lock_state().completed.push((part("run"), part("instance")));
    }
    fakes.lock_state().lines.extend(lines.iter().map(|line| line["text"].as_str().unwrap().to_owned()));
    wrap_data(&json!({"next": 1}))
}

/// An announced build with a client that has its credential.
pub struct BuildReporter {
    pub build: AnnouncedBuild,
    pub client: Client,
}

impl OutsideFixture {
    /// Starts a build, which the outside builder gets.
    pub async fn start_build(&self) -> Result<BuildId> {
        Ok(self.base.start_build().await?.name)
    }

    /// Starts a build of the repository with these choices.
    pub async fn start_build_with(&self, create: BuildCreate) -> Result<BuildId> {
        let create = BuildCreate { source_url: Some(self.base.git.repository_url("hello")), ..create };
        let query = BuildCreateQuery::default();
        Ok(self.base.maintainer.builds().start(&self.base.tool, &create, &query).await?.name)
    }

    /// Waits for `count` announcements of a build.
    pub async fn wait_for_requests(&self, build: BuildId, count: usize) -> Result<Vec<ReceivedRequest>> {
        wait_until(&format!("{count} announcements"), async || {
            let id = build.to_string();
            let requests = self.receiver.requests().into_iter().filter(|request| request.body.contains(&id));
            Ok(Some(requests.collect::<Vec<_>>()).filter(|requests| requests.len() >= count))
        })
        .await
    }

    /// Waits for the announcement of an attempt, and takes the build.
    pub async fn take_build(&self, build: BuildId, attempt: u32) -> Result<BuildReporter> {
        let found = wait_until("the announcement", async || {
            let announced = self.receiver.requests().into_iter().map(|request| read_announcement(&request));
            let mut announced = announced.collect::<Result<Vec<_>>>()?;
            announced.retain(|one| one.build == build && one.attempt == attempt);
            Ok(announced.pop())
        })
        .await?;
        self.adopt_build(found)
    }

    /// Takes an announced build: its reports have the credential of the announcement.
    pub fn adopt_build(&self, announced: AnnouncedBuild) -> Result<BuildReporter> {
        let credential = self.find_credential(&announced)?;
        let client = self.base.stand.outside_builder(announced.build, self.tool_id()?, credential)?;
        Ok(BuildReporter { build: announced, client })
    }

    /// Finds the id of the credential in an announcement.
    pub fn find_credential(&self, announced: &AnnouncedBuild) -> Result<TokenId> {
        let fakes = self.fakes.lock_state();
        let found =
            fakes.created.iter().find(|(_, secret, _)| secret == announced.credential.expose_secret());
        found.map(|(id, ..)| *id).ok_or_else(|| Error::internal("the credential was never created"))
    }

    fn tool_id(&self) -> Result<ToolId> {
        let fakes = self.fakes.lock_state();
        let created = fakes.created.first().map(|(.., create)| create.tool);
        created.ok_or_else(|| Error::internal("no credential was created"))
    }

    /// Shows a build as a document.
    pub async fn show_build(&self, build: BuildId) -> Value {
        self.base.show_build(build).await
    }

    /// Waits until a build has this status.
    pub async fn wait_for_status(&self, build: BuildId, status: &str) -> Result<Value> {
        wait_until(status, async || {
            Ok(Some(self.show_build(build).await).filter(|shown| shown["status"] == status))
        })
        .await
    }

    /// Lets time pass.
    pub fn advance_clock(&self, seconds: i64) {
        self.base.stand.advance_clock(SignedDuration::from_secs(seconds));
    }

    /// Waits until a credential has been revoked.
    pub async fn wait_for_revocation(&self, credential: TokenId) -> Result<()> {
        wait_until("the revocation of the credential", async || {
            Ok(self.fakes.lock_state().revoked.contains(&credential).then_some(()))
        })
        .await
    }

    /// Returns true if the signature of a request is valid.
    pub fn is_signed(&self, request: &ReceivedRequest) -> bool {
        let sent: i64 = request.header_value("webhook-timestamp").parse().unwrap();
        let sent = Timestamp::from_second(sent).unwrap();
        let id = request.header_value("webhook-id");
        let expected = compute_signature(&self.secret, id, sent, &request.body).unwrap();
        request.header_value("webhook-signature") == expected
    }
}

/// Reads the body of an announcement.
pub fn read_announcement(request: &ReceivedRequest) -> Result<AnnouncedBuild> {
    let read: BuildAnnouncement = serde_json::from_str(&request.body).map_err(Error::internal)?;
    assert_eq!(read.event_type, "build.requested");
    Ok(read.data)
}

impl BuildReporter {
    /// Sends a heartbeat. Returns true if the build is to be stopped.
    pub async fn heartbeat(&self) -> Result<bool> {
        let beat = BuildHeartbeat { ticket: String::new(), step: None, message: None, wait: 0 };
        Ok(self.client.builds().heartbeat(self.build.build, &beat).await?.stop)
    }

    /// Reports an outcome.
    pub async fn report_outcome(&self, outcome: BuildLeaseOutcome) -> Result<()> {
        let finish = BuildFinish { ticket: String::new(), outcome, failure: None };
        self.client.builds().finish_build(self.build.build, &finish).await
    }
}

/// Builds the outcome of a build that made the image.
pub fn build_made_outcome() -> BuildLeaseOutcome {
    let outcome = json!({"kind": "succeeded", "digest": IMAGE_DIGEST, "message": "Made by the forge."});
    serde_json::from_value(outcome).unwrap()
}
