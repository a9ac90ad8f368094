//! Ends a stream or an upgraded connection when the right behind it ends: its credential expired or was revoked, or the
//! caller lost the role or the scope.
//!
//! | event | effect |
//! |---|---|
//! | access of the caller, its credential or its tool changed | the caller is resolved again |
//! | an access event was lost, or `accounts` was not reachable | the caller is resolved again |
//! | the caller has at least the same access as before | the stream continues |
//! | the credential expires, or the caller has less access | the stream ends |
//! | the caller cannot be resolved for [`MAX_UNCHECKED_TIME`] | the stream ends |
//!
//! A change between the resolution of the caller and the start of the watch is not missed: the identity has the epoch
//! of the cache in which it was resolved, and each change begins another epoch.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::Response,
};
use hearth_base::{Caller, Credential, Error, Identity, RequestId, Result, Role, Secret, ToolGrant};
use hearth_kit::{server::ConnectionHandle, tasks::BackgroundTasks};
use hyper::body::{Body as _, Frame, SizeHint};
use std::sync::Arc;
use tokio::{sync::broadcast, time::Instant};

use crate::{
    Gateway,
    identities::{AccessChange, SignedIdentity},
};

/// Time for which a stream continues while the caller cannot be resolved.
const MAX_UNCHECKED_TIME: Duration = Duration::from_secs(15 * 60);
/// Pause between two attempts to resolve a caller.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// Time between the end of a right and the close of an upgraded connection: a service that watches the right as well
/// first sends the reason.
const UPGRADE_CLOSE_GRACE: Duration = Duration::from_secs(2);

/// The caller of a request that may have a long response.
pub struct WatchedCaller {
    pub secret: Secret,
    pub service: Role,
    pub tool: Option<String>,
    pub request: RequestId,
    pub signed: SignedIdentity,
}

/// Watches the caller of a response while it is sent. A response of known length is not watched: it ends by itself.
pub fn watch_response(
    gateway: &Arc<Gateway>,
    caller: WatchedCaller,
    connection: Option<ConnectionHandle>,
    response: Response,
) -> Response {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if let Some(connection) = connection {
            spawn_connection_watch(gateway, caller, connection);
        }
        return response;
    }
    let body = response.body();
    if body.is_end_stream() || body.size_hint().exact().is_some() {
        return response;
    }
    let ended = Box::pin(wait_for_access_end(gateway.clone(), caller));
    response.map(|inner| Body::new(WatchedBody { inner, ended: Some(ended) }))
}

fn spawn_connection_watch(gateway: &Arc<Gateway>, caller: WatchedCaller, connection: ConnectionHandle) {
    let tasks: BackgroundTasks = gateway.kit.tasks.clone();
    let (gateway, stop) = (gateway.clone(), tasks.shutdown_signal());
    tasks.spawn("upgrade-watch", async move {
        tokio::select! {
            () = connection.wait_until_closed() => {}
            () = stop.wait() => {}
            () = wait_for_access_end(gateway, caller) => {
                stop.pause(UPGRADE_CLOSE_GRACE).await;
                connection.close();
            }
        }
    });
}

/// Waits until the caller's right ends.
async fn wait_for_access_end(gateway: Arc<Gateway>, mut caller: WatchedCaller) {
    let mut changes = gateway.identities.subscribe_to_changes();
    let subjects = list_subjects(&caller.signed.identity);
    loop {
        if gateway.identities.current_epoch() != caller.signed.epoch {
            match resolve_again(&gateway, &caller).await {
                Some(signed) => caller.signed = signed,
                None => return,
            }
        }
        let expiry = caller.signed.credential_expires.map(|expires| {
            let left = expires.duration_since(gateway.kit.clock.now());
            Instant::now() + Duration::try_from(left).unwrap_or_default()
        });
        tokio::select! {
            () = wait_for_change(&mut changes, &subjects) => {}
            () = sleep_until_expiry(expiry) => return,
        }
    }
}

/// Waits for a change that may concern one of the subjects.
async fn wait_for_change(changes: &mut broadcast::Receiver<AccessChange>, subjects: &[String]) {
    loop {
        match changes.recv().await {
            Ok(AccessChange::About(about)) if !subjects.contains(&about) => {}
            // After lost changes, any of them may be the caller's. The sender lives as long as the gateway.
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

async fn sleep_until_expiry(expiry: Option<Instant>) {
    match expiry {
        Some(expiry) => tokio::time::sleep_until(expiry).await,
        None => std::future::pending().await,
    }
}

/// Ids of the user, tool and credential of an identity, as access events name them.
fn list_subjects(identity: &Identity) -> Vec<String> {
    let caller = match &identity.caller {
        Caller::User { id, .. } => Some(id.to_string()),
        Caller::Tool { id, .. } | Caller::Build { tool: id, .. } | Caller::Deployer { id, .. } => {
            Some(id.to_string())
        }
        Caller::Anonymous | Caller::Service { .. } => None,
    };
    let credential = match &identity.credential {
        Credential::Session(id) => Some(id.to_string()),
        Credential::PersonalToken(id) | Credential::ToolToken(id) => Some(id.to_string()),
        _ => None,
    };
    let tool = match &identity.tool {
        Some(ToolGrant::Granted { id, .. }) => Some(id.to_string()),
        _ => None,
    };
    [caller, credential, tool].into_iter().flatten().collect()
}

/// Resolves the caller again; `None` if it has less access than before, or cannot be resolved for
/// [`MAX_UNCHECKED_TIME`].
async fn resolve_again(gateway: &Gateway, caller: &WatchedCaller) -> Option<SignedIdentity> {
    let WatchedCaller { secret, service, tool, request, signed } = caller;
    let deadline = Instant::now() + MAX_UNCHECKED_TIME;
    while Instant::now() < deadline {
        let resolved =
            gateway.identities.sign_identity(Some(secret.clone()), *service, tool.as_deref(), *request).await;
        match resolved {
            Ok(now) => return has_same_access(&signed.identity, &now.identity).then_some(now),
            Err(error) if error.kind().is_transient() => tokio::time::sleep(RETRY_PAUSE).await,
            Err(_) => return None,
        }
    }
    None
}

/// True when `now` has at least the access of `before`.
fn has_same_access(before: &Identity, now: &Identity) -> bool {
    let id = |identity: &Identity| list_subjects(identity);
    let operator = |identity: &Identity| {
        matches!(identity.caller, Caller::User { operator: true, .. }) && identity.scopes.has_operator()
    };
    let covers_tool = match (&before.tool, &now.tool) {
        (None, _) => true,
        (Some(ToolGrant::Missing), after) => *after == Some(ToolGrant::Missing),
        (
            Some(ToolGrant::Granted { id, access, .. }),
            Some(ToolGrant::Granted { id: same, access: after, .. }),
        ) => id == same && after >= access,
        (Some(ToolGrant::Granted { .. }), _) => false,
    };
    let is_granted = |subject: &String| id(now).contains(subject);
    covers_tool
        && id(before).iter().all(is_granted)
        && now.scopes.contains_all(&before.scopes)
        && operator(now) >= operator(before)
}

/// A body that ends with an error when the right behind it ends: the client sees an incomplete response, and its next
/// request is refused with the reason.
struct WatchedBody {
    inner: Body,
    ended: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl hyper::body::Body for WatchedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if let Some(ended) = &mut self.ended
            && ended.as_mut().poll(cx).is_ready()
        {
            self.ended = None;
            self.inner = Body::empty();
            let error = Error::forbidden("access-ended", "the right to read this stream has ended");
            return Poll::Ready(Some(Err(error.into())));
        }
        Pin::new(&mut self.inner).poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests;
