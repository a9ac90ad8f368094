//! Account service: `/accounts/v1` and `/tools/v1`.
//!
//! It manages users, sessions, tokens, tools, members and quotas, and resolves credentials to callers and
//! roles. It knows nothing of the jobs of a tool. Each change writes an audit entry in its own transaction.

mod app;
mod context;
mod http;
mod passwords;
mod rights;
mod settings;
mod store;
mod workers;

use hearth_base::{Result, Role, UserName};
use hearth_kit::{
    Dialect, Kit, MountedService, PrefixExt, Service, config::Section, queue, require_right,
    route::RoutePrefix,
};
pub use hearth_wire::accounts::RecoveryCode;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::AccountsContext,
    rights::{
        AcknowledgeErasures, CreateToolTokens, HoldStandingMandates, ManageDeployTokens, ManageSignIn,
        NoSignIn, NotifyOperators, OperateHearth, ReadAcceptedRequests, ReadMailAddresses, ReadToolEvents,
        ReadToolFacts, RecordChanges, ResolveCredentials, SelfService, SignedIn, ToolOperate, ToolOwn,
        ToolRead, ToolWrite, UseMandates,
    },
    workers::{
        account_mails::{AccountMailKind, SendAccountMails},
        operator_mails::SendOperatorMails,
    },
};

pub use settings::AccountsSettings;

/// The service, as `hearthd` mounts it.
pub const ACCOUNTS_SERVICE: Service = Service {
    role: Role::Accounts,
    has_database: true,
    settings: Some(Section::from_settings::<AccountsSettings>()),
    mount,
};

/// Builds the service's routes, workers and migrations.
pub fn mount(kit: &Kit) -> Result<MountedService> {
    let cx = AccountsContext::new(kit)?;
    let (first, housekeeping) = (cx.clone(), workers::housekeeping::create_worker(&cx));
    let [recovery, notices] = [AccountMailKind::RecoveryCode, AccountMailKind::AddressNotice]
        .map(|kind| queue::create_task_worker(&cx.store.queue, SendAccountMails(kind, cx.clone())));
    let operators = queue::create_task_worker(&cx.store.queue, SendOperatorMails(cx.clone()));
    let routes = queue::add_routes(routes(), kit.role, &cx.store.queue);
    Ok(MountedService::new(kit, Dialect::Data, routes, cx)
        .with_migrations(store::list_migrations)
        .with_preparation(async move {
            // Without its key a deploy token is only not shown again: it does not keep the service from starting.
            first.vault.load_keys(&[])?;
            app::setup::prepare_setup_code(&first).await
        })
        .with_worker(housekeeping)
        .with_worker(recovery)
        .with_worker(operators)
        .with_worker(notices))
}

/// Creates a recovery code for a user on the database of `kit`, for the operator of the machine. With
/// `makes_operator` the user becomes an enabled operator.
pub async fn recover_user(kit: &Kit, name: &UserName, makes_operator: bool) -> Result<RecoveryCode> {
    let cx = AccountsContext::new(kit)?;
    app::recovery::recover_user(&cx, name, makes_operator).await
}

/// Builds all endpoints with their access rights.
fn routes() -> OpenApiRouter<AccountsContext> {
    OpenApiRouter::new()
        .with_prefix("tools", RoutePrefix::new())
        .routes(require_right::<NoSignIn, _>(routes!(http::profile::create_account)))
        .routes(require_right::<SignedIn, _>(routes!(http::profile::show_me)))
        .routes(require_right::<SelfService, _>(routes!(http::profile::change_password)))
        .routes(require_right::<SelfService, _>(routes!(http::profile::show_email)))
        .routes(require_right::<ManageSignIn, _>(routes!(http::profile::set_email)))
        .routes(require_right::<SelfService, _>(routes!(http::profile::confirm_email)))
        .routes(require_right::<SelfService, _>(routes!(http::memberships::list)))
        .routes(require_right::<SelfService, _>(routes!(
            http::memberships::accept_membership,
            http::memberships::end_membership
        )))
        .routes(require_right::<NoSignIn, _>(routes!(http::recovery::reset_password)))
        .routes(require_right::<NoSignIn, _>(routes!(http::recovery::request_recovery_mail)))
        .routes(require_right::<OperateHearth, _>(routes!(http::recovery::create_recovery_code)))
        .routes(require_right::<NoSignIn, _>(routes!(http::sessions::create)))
        .routes(require_right::<SelfService, _>(routes!(http::sessions::end_session)))
        .routes(require_right::<SelfService, _>(routes!(http::tokens::list)))
        .routes(require_right::<ManageSignIn, _>(routes!(http::tokens::create)))
        .routes(require_right::<SelfService, _>(routes!(http::tokens::revoke_token)))
        .routes(require_right::<OperateHearth, _>(routes!(http::users::list)))
        .routes(require_right::<OperateHearth, _>(routes!(http::users::patch_user)))
        .routes(require_right::<OperateHearth, _>(routes!(
            http::invitations::list,
            http::invitations::create
        )))
        .routes(require_right::<OperateHearth, _>(routes!(http::invitations::withdraw_invitation)))
        .routes(require_right::<OperateHearth, _>(routes!(http::audit::list)))
        .routes(require_right::<OperateHearth, _>(routes!(http::requests::list)))
        .routes(require_right::<OperateHearth, _>(routes!(http::requests::show)))
        .routes(require_right::<OperateHearth, _>(routes!(http::requests::accept_request)))
        .routes(require_right::<OperateHearth, _>(routes!(http::requests::refuse_request)))
        .routes(require_right::<ResolveCredentials, _>(routes!(http::internal::resolve_credential)))
        .routes(require_right::<ResolveCredentials, _>(routes!(http::internal::record_refused_change)))
        .routes(require_right::<RecordChanges, _>(routes!(http::internal::record_audited_change)))
        .routes(require_right::<ReadToolFacts, _>(routes!(http::internal::check_trigger_owner)))
        .routes(require_right::<NotifyOperators, _>(routes!(http::internal::send_operator_notice)))
        .routes(require_right::<ReadToolEvents, _>(routes!(http::internal::read_access_events)))
        .routes(require_right::<ReadToolEvents, _>(routes!(http::internal::read_tool_events)))
        .routes(require_right::<ReadToolEvents, _>(routes!(http::internal::read_request_events)))
        .routes(require_right::<ReadAcceptedRequests, _>(routes!(http::internal::list_accepted_requests)))
        .routes(require_right::<AcknowledgeErasures, _>(routes!(http::internal::list_pending_erasures)))
        .routes(require_right::<AcknowledgeErasures, _>(routes!(http::internal::acknowledge_erasure)))
        .routes(require_right::<UseMandates, _>(routes!(http::mandates::create_mandate)))
        .routes(require_right::<UseMandates, _>(routes!(http::mandates::sign_mandate)))
        .routes(require_right::<UseMandates, _>(routes!(http::mandates::end_mandate)))
        .routes(require_right::<HoldStandingMandates, _>(routes!(http::mandates::create_standing_mandate)))
        .routes(require_right::<HoldStandingMandates, _>(routes!(http::mandates::show_standing_mandate)))
        .routes(require_right::<HoldStandingMandates, _>(routes!(http::mandates::derive_mandate)))
        .routes(require_right::<ManageDeployTokens, _>(routes!(http::deploy_tokens::call_deploy_token)))
        .routes(require_right::<CreateToolTokens, _>(routes!(http::mandates::create_run_token)))
        .routes(require_right::<CreateToolTokens, _>(routes!(http::mandates::revoke_run_token)))
        .routes(require_right::<ReadMailAddresses, _>(routes!(http::internal::list_recipients)))
        .routes(require_right::<ReadToolFacts, _>(routes!(http::mandates::show_tool_facts)))
        .routes(require_right::<SignedIn, _>(routes!(http::tools::list)))
        .routes(require_right::<SelfService, _>(routes!(http::tools::create)))
        .routes(require_right::<ToolRead, _>(routes!(http::tools::show)))
        .routes(require_right::<ToolOwn, _>(routes!(http::tools::delete)))
        .routes(require_right::<ToolRead, _>(routes!(http::members::list)))
        .routes(require_right::<ToolRead, _>(routes!(http::members::list_offers)))
        .routes(require_right::<ToolOwn, _>(routes!(http::members::set_member, http::members::remove_member)))
        .routes(require_right::<ToolWrite, _>(routes!(http::tool_tokens::list, http::tool_tokens::create)))
        .routes(require_right::<ToolWrite, _>(routes!(http::tool_tokens::revoke_token)))
        .routes(require_right::<ToolWrite, _>(routes!(http::tool_tokens::take_over_token)))
        .routes(require_right::<ToolRead, _>(routes!(http::quota::show)))
        .routes(require_right::<ToolOperate, _>(routes!(http::quota::patch_quota)))
        .routes(require_right::<ToolRead, _>(routes!(http::audit::list_tool_audit)))
        .routes(require_right::<ToolRead, _>(routes!(http::tool_requests::list)))
        .routes(require_right::<ToolWrite, _>(routes!(http::tool_requests::create)))
        .routes(require_right::<ToolRead, _>(routes!(http::tool_requests::show)))
        .routes(require_right::<ToolWrite, _>(routes!(http::tool_requests::withdraw_request)))
}
