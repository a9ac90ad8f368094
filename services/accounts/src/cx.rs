//! The context of this service's handlers and rules.

use std::sync::Arc;

use hearth_base::{
    Caller, Error, EventId, KeyRing, RequestId, Result, RoleKey, ToolId, ToolName, ToolRole, UserId,
};
use hearth_kit::{
    Authed, Kit, RequestContext, Right, config::Door, db::Tx, events::NewEvent, state::StateFolder,
};
use hearth_wire::{
    accounts::internal::{AccessChanged, AccessEvent},
    events::Topic,
};
use jiff::Timestamp;

use crate::{
    AccountsSettings,
    passwords::Passwords,
    store::{NewEntry, Store, User},
};

/// The context of this service's handlers and rules.
#[derive(Clone)]
pub struct Cx {
    base: RequestContext<AccountsSettings>,
    pub store: Store,
    pub passwords: Passwords,
    pub door: Arc<Door>,
    pub state: StateFolder,
    /// The public keys of all roles.
    pub ring: Arc<KeyRing>,
    /// This role's own.
    pub key: RoleKey,
}

impl Cx {
    pub fn new(kit: &Kit) -> Result<Self> {
        Ok(Self {
            base: RequestContext::from_kit(kit),
            store: Store::new(kit.db()?.clone(), kit.queue()?, kit.tasks.stop_sign()),
            passwords: Passwords::new(),
            door: Arc::new(kit.config.door.clone()),
            state: kit.state.clone(),
            ring: kit.ring.clone(),
            key: kit.key.clone(),
        })
    }

    /// What is being done, by whom, in which request.
    pub fn by<R: Right>(&self, authed: &Authed<R>) -> By {
        let caller = &authed.identity.caller;
        By { who: who(caller), user: authed.identity.user(), request: authed.request, now: self.now() }
    }

    /// What Hearth does by itself.
    pub fn by_itself(&self) -> By {
        let now = self.now();
        By { who: "hearth".to_owned(), user: None, request: RequestId::new(now, &self.entropy), now }
    }

    /// Refuses when the caller is no operator any more, as a change sees it: a request's right is checked when
    /// it begins, and its body may come later. All operators who can sign in, locked.
    pub async fn still_operator(&self, tx: &Tx, by: &By) -> Result<Vec<UserId>> {
        let operators = self.store.operators_locked(tx).await?;
        match by.user {
            Some(user) if !operators.contains(&user) => Err(lost("an operator")),
            _ => Ok(operators),
        }
    }

    /// Refuses when the caller has less than this role on a tool by now, under the tool's lock. Operators may
    /// do everything.
    pub async fn still(&self, tx: &Tx, by: &By, tool: ToolId, needed: ToolRole) -> Result<()> {
        let Some(user) = by.user else { return Ok(()) };
        if self.store.member_role_in(tx, tool, user).await? >= Some(needed) {
            return Ok(());
        }
        let person = self.store.user_by_id_locked(tx, user).await?;
        match person.is_some_and(|person| person.operator && !person.disabled) {
            true => Ok(()),
            false => Err(lost(needed.name())),
        }
    }

    /// Notes a change in the audit log, as part of it.
    pub async fn audit(
        &self,
        tx: &Tx,
        by: &By,
        action: &'static str,
        tool: Option<(ToolId, &ToolName)>,
        subject: impl ToString,
    ) -> Result<()> {
        let id = EventId::new(by.now, &self.entropy);
        let subject = subject.to_string();
        let entry =
            NewEntry { id, at: by.now, who: by.who.clone(), action, tool, subject, request: by.request };
        self.store.audit_add(tx, entry).await
    }

    /// Appends an event for other services to the change.
    pub async fn append_event<T: Topic>(&self, tx: &Tx, by: &By, event: &T) -> Result<()> {
        let id = EventId::new(by.now, &self.entropy);
        self.store.events.append(tx, [NewEvent::new(id, by.now, event)?]).await
    }

    /// Appends to the change that what is remembered of this user, token, session or tool may be wrong.
    pub async fn append_access_changed(&self, tx: &Tx, by: &By, about: impl ToString) -> Result<()> {
        let about = about.to_string();
        self.append_event(tx, by, &AccessEvent::Changed(AccessChanged { about })).await
    }
}

hearth_kit::impl_request_context!(Cx, AccountsSettings);

/// A caller as the audit log names them.
fn who(caller: &Caller) -> String {
    match caller {
        Caller::Nobody => "nobody".to_owned(),
        Caller::User { name, .. } => format!("user {name}"),
        Caller::Tool { name, .. } => format!("tool {name}"),
        Caller::Service { role } => format!("service {role}"),
    }
}

fn lost(what: &str) -> Error {
    Error::forbidden("forbidden", format!("you are not {what} any more")).help("hearth whoami")
}

/// Who does something, in which request, when.
#[derive(Debug, Clone)]
pub struct By {
    /// As the audit log names them.
    pub who: String,
    /// The person, when it is one.
    pub user: Option<UserId>,
    /// The request.
    pub request: RequestId,
    /// When.
    pub now: Timestamp,
}

impl By {
    /// The same by somebody who has only now become known.
    pub fn named(&self, user: &User) -> Self {
        Self { who: format!("user {}", user.name), user: Some(user.id), ..self.clone() }
    }

    /// The same by whoever a service does it for.
    pub fn for_giver(&self, giver: &Caller) -> Self {
        Self { who: format!("{} by {}", who(giver), self.who), ..self.clone() }
    }
}
