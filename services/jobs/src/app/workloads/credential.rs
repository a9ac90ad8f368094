//! The credential of a run: a token of its tool, limited to what programs in runs do with the API, in a kubeconfig
//! where Toolforge's clients look for it. It ends with the workload; before it expires, another replaces it.

use hearth_base::{Access, Error, Result, Role, Scope, Scopes, Secret};
use hearth_runtime_api::{FileRefresh, RefreshedFile};
use hearth_wire::accounts::internal::ToolTokenCreated;
use jiff::SignedDuration;
use serde_json::json;

use crate::{
    app::definition::plan::{API_URL, KUBECONFIG_PATH, KUBECONFIG_VARIABLE},
    context::JobsContext,
    store::{RunCredential, Workload, WorkloadPlan},
};

/// Lifetime of a token in seconds.
const TOKEN_LIFE_SECONDS: u32 = 24 * 3600;
/// A token that expires within this time is replaced.
const RENEWAL_TIME: SignedDuration = SignedDuration::from_hours(12);
/// Maximum number of credentials that one pass renews.
const MAX_RENEWALS_PER_PASS: u64 = 500;
/// Permissions of the file: its owner, the user of the run, may read it.
const KUBECONFIG_MODE: u32 = 0o400;

/// A new credential with the file that holds it.
#[derive(Debug)]
pub struct IssuedCredential {
    /// `None` if `accounts` did not issue one: the run starts without it, and gets one later.
    pub credential: Option<RunCredential>,
    pub file: RefreshedFile,
}

/// Returns whether the containers of a plan have a place for a credential. Those of an earlier release have none, and
/// those of previews must not have one: their images are not trusted, and could set the variable themselves.
pub fn has_place(plan: &WorkloadPlan) -> bool {
    plan.preview.is_none() && plan.env.contains_key(KUBECONFIG_VARIABLE)
}

/// Issues a credential for a workload. A run must not depend on whether `accounts` answers.
pub async fn issue_credential(cx: &JobsContext, workload: &Workload) -> Result<IssuedCredential> {
    let created = match cx.peers.create_run_token(workload, build_scopes(), TOKEN_LIFE_SECONDS).await {
        Ok(created) => Some(created),
        Err(error) => {
            tracing::debug!(workload = %workload.id, %error, "run credential not issued; will retry");
            None
        }
    };
    let (credential, secret) = match created {
        Some(ToolTokenCreated { id, secret, expires }) => (Some(RunCredential { id, expires }), secret),
        None => (None, Secret::default()),
    };
    let content = render_kubeconfig(workload, &secret)?;
    let file = RefreshedFile { path: KUBECONFIG_PATH.to_owned(), mode: KUBECONFIG_MODE, content };
    Ok(IssuedCredential { credential, file })
}

/// The scopes of a run's token: everything that Toolforge's clients do for their own tool.
fn build_scopes() -> Scopes {
    let services = [Role::Jobs, Role::Builds, Role::Envvars, Role::Components, Role::Logs];
    Scopes::from_scopes(services.map(|service| Scope::Tools(Some(service), Access::Write)))
}

/// Renders a kubeconfig in JSON, which is YAML
/// (<https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>).
fn render_kubeconfig(workload: &Workload, secret: &Secret) -> Result<Secret> {
    let name = format!("tool-{}", workload.plan.tool);
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{ "name": "hearth", "cluster": { "server": API_URL } }],
        "contexts": [{ "name": name, "context": { "cluster": "hearth", "namespace": name, "user": name } }],
        "users": [{ "name": name, "user": { "token": secret.expose_secret() } }],
    });
    serde_json::to_string(&config).map(Secret::new).map_err(Error::internal)
}

/// Replaces the credentials that expire soon, or that are missing.
pub async fn renew_credentials(cx: &JobsContext) -> Result<()> {
    let soon = cx.now() + RENEWAL_TIME;
    for workload in cx.store.list_workloads_with_old_credentials(soon, MAX_RENEWALS_PER_PASS).await? {
        if !has_place(&workload.plan) {
            continue;
        }
        if let Err(error) = renew_credential(cx, &workload).await {
            tracing::info!(workload = %workload.id, %error, "run credential not renewed; will retry");
        }
    }
    Ok(())
}

async fn renew_credential(cx: &JobsContext, workload: &Workload) -> Result<()> {
    let IssuedCredential { credential: Some(credential), file } = issue_credential(cx, workload).await?
    else {
        return Ok(());
    };
    let RefreshedFile { path, content, .. } = file;
    let refreshed = cx.runtime.refresh_file(FileRefresh { workload: workload.id, path, content }).await;
    if refreshed.is_ok() {
        cx.store.update_workload_credential(workload.id, &credential).await?;
        revoke_credential(cx, workload).await;
    } else {
        revoke_token(cx, &credential).await;
    }
    refreshed
}

/// Revokes the credential of a workload, if it has one.
pub async fn revoke_credential(cx: &JobsContext, workload: &Workload) {
    if let Some(credential) = &workload.credential {
        revoke_token(cx, credential).await;
    }
}

/// Puts the applied file into the containers that stay, and revokes the credential that it replaces.
pub async fn replace_credential(cx: &JobsContext, workload: &Workload, file: Option<RefreshedFile>) {
    let (Some(_), Some(file)) = (&workload.credential, file) else { return };
    let RefreshedFile { path, content, .. } = file;
    // The runtime has done this already, unless it had accepted the same generation before.
    match cx.runtime.refresh_file(FileRefresh { workload: workload.id, path, content }).await {
        Ok(()) => revoke_credential(cx, workload).await,
        Err(error) => tracing::info!(workload = %workload.id, %error, "run credential not replaced"),
    }
}

/// Revokes a token. If `accounts` does not answer, it expires.
pub async fn revoke_token(cx: &JobsContext, credential: &RunCredential) {
    if let Err(error) = cx.peers.revoke_run_token(credential.id).await {
        tracing::debug!(%error, "run credential not revoked; it will expire");
    }
}
