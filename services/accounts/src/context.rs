//! Context of this service's handlers and rules.

use std::{net::IpAddr, sync::Arc};

use hearth_base::{
    Caller, Error, EventId, KeyRing, RequestId, Result, RoleKey, ToolId, ToolName, ToolRole, UserId,
    to_single_line,
};
use hearth_kit::{
    Authed, Kit, RequestContext, Right, ServiceClients, config::DoorSettings, db::Tx, events::NewEvent,
    state::StateFolder, vault::Vault,
};
use hearth_wire::{
    accounts::internal::{AccessChanged, AccessEvent},
    events::Topic,
};
use jiff::Timestamp;

use crate::{
    AccountsSettings,
    passwords::PasswordService,
    store::{AccountStore, NewAuditEntry, User},
};

/// Length of an error code in the audit log, in characters.
const MAX_CODE_CHARACTERS: usize = 60;

/// Context of this service's handlers and rules.
#[derive(Clone)]
pub struct AccountsContext {
    base: RequestContext<AccountsSettings>,
    pub store: AccountStore,
    pub passwords: PasswordService,
    pub clients: ServiceClients,
    pub door: Arc<DoorSettings>,
    pub state: StateFolder,
    /// Keys of the deploy tokens.
    pub vault: Vault,
    /// Public keys of all roles.
    pub ring: Arc<KeyRing>,
    /// Private key of this role.
    pub key: RoleKey,
}

impl AccountsContext {
    pub fn new(kit: &Kit) -> Result<Self> {
        Ok(Self {
            base: RequestContext::from_kit(kit),
            store: AccountStore::new(kit.db()?.clone(), kit.create_queue()?, kit.tasks.shutdown_signal()),
            passwords: PasswordService::new(),
            clients: kit.clients.clone(),
            door: Arc::new(kit.config.door.clone()),
            state: kit.state.clone(),
            vault: Vault::new(kit.role, &kit.state),
            ring: kit.key_ring.clone(),
            key: kit.key.clone(),
        })
    }

    /// Builds the actor of a request.
    pub fn build_actor<R: Right>(&self, authed: &Authed<R>) -> RequestActor {
        let caller = &authed.identity.caller;
        RequestActor {
            who: caller.to_string(),
            user: authed.identity.user_id(),
            request: authed.request,
            client: authed.client,
            now: self.now(),
        }
    }

    /// Builds the actor of changes that Hearth makes by itself.
    pub fn build_system_actor(&self) -> RequestActor {
        let now = self.now();
        RequestActor {
            who: "hearth".to_owned(),
            user: None,
            request: RequestId::new(now, &self.entropy),
            client: None,
            now,
        }
    }

    /// Fails unless the actor is still an operator, as seen within the transaction: rights are checked when a
    /// request begins, and its body may arrive much later. Returns all enabled operators, with their rows
    /// locked.
    pub async fn require_operator(&self, tx: &Tx, actor: &RequestActor) -> Result<Vec<UserId>> {
        let operators = self.store.lock_operators(tx).await?;
        match actor.user {
            Some(user) if !operators.contains(&user) => Err(build_lost_role_error("an operator")),
            _ => Ok(operators),
        }
    }

    /// Fails unless the actor still has at least this role on a tool, under the tool's lock. Operators may do
    /// everything.
    pub async fn require_role(
        &self,
        tx: &Tx,
        actor: &RequestActor,
        tool: ToolId,
        needed: ToolRole,
    ) -> Result<()> {
        let Some(user) = actor.user else { return Ok(()) };
        if self.store.find_member_role_in(tx, tool, user).await? >= Some(needed) {
            return Ok(());
        }
        let person = self.store.lock_user_by_id(tx, user).await?;
        match person.is_some_and(|person| person.operator && !person.disabled) {
            true => Ok(()),
            false => Err(build_lost_role_error(needed.name())),
        }
    }

    /// Records a change in the audit log, in its transaction.
    pub async fn record_audit_entry(
        &self,
        tx: &Tx,
        actor: &RequestActor,
        action: &'static str,
        tool: Option<(ToolId, &ToolName)>,
        subject: impl ToString,
    ) -> Result<()> {
        let entry = self.build_audit_entry(actor, action, tool, subject.to_string());
        self.store.insert_audit_entry(tx, entry).await
    }

    /// Records a refused change in the audit log, with the error's code.
    pub async fn record_refusal(
        &self,
        tx: &Tx,
        actor: &RequestActor,
        action: &'static str,
        tool: Option<(ToolId, &ToolName)>,
        subject: impl ToString,
        code: &str,
    ) -> Result<()> {
        let mut entry = self.build_audit_entry(actor, action, tool, subject.to_string());
        entry.refused = Some(to_single_line(code, MAX_CODE_CHARACTERS));
        self.store.insert_audit_entry(tx, entry).await
    }

    fn build_audit_entry<'a>(
        &self,
        actor: &RequestActor,
        action: &'static str,
        tool: Option<(ToolId, &'a ToolName)>,
        subject: String,
    ) -> NewAuditEntry<'a> {
        NewAuditEntry {
            id: EventId::new(actor.now, &self.entropy),
            at: actor.now,
            who: actor.who.clone(),
            action,
            tool,
            subject,
            request: actor.request,
            refused: None,
            client: actor.client,
        }
    }

    /// Appends an event for other services, in the change's transaction.
    pub async fn append_event<T: Topic>(&self, tx: &Tx, actor: &RequestActor, event: &T) -> Result<()> {
        let id = EventId::new(actor.now, &self.entropy);
        self.store.events.append(tx, [NewEvent::new(id, actor.now, event)?]).await
    }

    /// Appends an event that cached access of this user, token, session or tool is stale.
    pub async fn append_access_changed(
        &self,
        tx: &Tx,
        actor: &RequestActor,
        about: impl ToString,
    ) -> Result<()> {
        let about = about.to_string();
        self.append_event(tx, actor, &AccessEvent::Changed(AccessChanged { about })).await
    }
}

hearth_kit::impl_request_context!(AccountsContext, AccountsSettings);

fn build_lost_role_error(what: &str) -> Error {
    Error::forbidden("forbidden", format!("you are no longer {what}")).help("hearth whoami")
}

/// Actor of a change, with request and time.
#[derive(Debug, Clone)]
pub struct RequestActor {
    /// Text for the audit log.
    pub who: String,
    /// The user, when the actor is one.
    pub user: Option<UserId>,
    /// The request of the change.
    pub request: RequestId,
    /// Address of the client.
    pub client: Option<IpAddr>,
    /// Time of the change.
    pub now: Timestamp,
}

impl RequestActor {
    /// Returns the actor with a user that has only now been identified.
    pub fn with_user(&self, user: &User) -> Self {
        Self { who: format!("user {}", user.name), user: Some(user.id), ..self.clone() }
    }

    /// Returns the actor as acting for the giver of a mandate.
    pub fn on_behalf_of(&self, giver: &Caller) -> Self {
        Self { who: format!("{giver} by {}", self.who), ..self.clone() }
    }
}

/// Context of the service in tests.
#[cfg(test)]
pub mod test_context {
    use hearth_base::{Result, Role, ToolId, ToolRole, UserId};
    use hearth_kit::{config::HearthConfig, db::Db};
    use hearth_testkit::ServiceStand;
    use hearth_wire::tools::Quota;

    use super::AccountsContext;
    use crate::store::{StoredTool, User};

    /// Builds the context on an empty database.
    pub async fn build_test_context(db: Db, config: HearthConfig) -> Result<(AccountsContext, ServiceStand)> {
        let quota = Quota::default();
        let stand = ServiceStand::start_service(Role::Accounts, db, crate::mount, config, quota).await?;
        Ok((AccountsContext::new(&stand.kit)?, stand))
    }

    /// Stores a user and a tool of which the user is a maintainer.
    pub async fn insert_maintainer(cx: &AccountsContext, email: Option<&str>) -> Result<(User, StoredTool)> {
        let now = cx.clock.now();
        let user = User {
            id: UserId::new(now, &cx.entropy),
            name: "ann".parse()?,
            password_hash: String::new(),
            operator: false,
            disabled: false,
            created: now,
            email: email.map(str::parse).transpose()?,
            confirmed_email: None,
            former_email: None,
        };
        let (id, name) = (ToolId::new(now, &cx.entropy), "hello".parse()?);
        let tool = StoredTool { id, name, description: String::new(), deleting: false, created: now };
        let tx = cx.store.begin().await?;
        cx.store.insert_user(&tx, &user).await?;
        cx.store.insert_tool(&tx, &tool).await?;
        cx.store.set_member(&tx, tool.id, user.id, ToolRole::Maintainer, now).await?;
        tx.commit().await?;
        Ok((user, tool))
    }
}
