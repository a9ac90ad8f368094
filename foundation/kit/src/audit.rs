//! Audit of the changes that a service makes for a caller: entries for the audit log, which `accounts` keeps.
//!
//! An entry is an item of the service's queue, written in the transaction of the change, so that there is neither a change
//! without an entry nor an entry without a change. A worker delivers it to `accounts`, as often as needed; `accounts`
//! stores it once, by its id.

use std::net::IpAddr;

use hearth_base::{RequestId, Result, Role, ToolId, ToolName};
use hearth_wire::accounts::internal::{AuditedChange, AuditedTool};
use jiff::SignedDuration;

use crate::{
    Authed, RequestContext, Right, ServiceClients, Worker,
    db::Tx,
    queue::{Queue, QueueItem, QueueTask, RetryPolicy, TaskName, TaskSettings, create_task_worker},
};

/// Task that delivers entries; its key is the entry's id.
pub const AUDIT_TASK: TaskName<AuditedChange> = TaskName::new("audit");

/// Retry policy of deliveries. An entry is never dropped: `accounts` may be down for longer than a dead letter waits.
const DELIVERY_RETRY: RetryPolicy = RetryPolicy {
    max_attempts: None,
    first_pause: SignedDuration::from_secs(1),
    longest_pause: SignedDuration::from_mins(10),
};

/// Caller and request of a change.
#[derive(Debug, Clone)]
pub struct ChangeAuthor {
    who: String,
    request: RequestId,
    client: Option<IpAddr>,
}

impl ChangeAuthor {
    /// The caller of a request.
    pub fn from_authed<R: Right>(authed: &Authed<R>) -> Self {
        Self { who: authed.identity.caller.to_string(), request: authed.request, client: authed.client }
    }
}

/// A change. Neither field may have a secret, such as a key or an address with a password.
#[derive(Debug)]
pub struct Change<'a> {
    /// Action: `OBJECT.VERB`. `accounts` refuses objects that are not of this service.
    pub action: &'static str,
    /// The affected tool.
    pub tool: Option<(ToolId, &'a ToolName)>,
    /// Object of the action: a name or an id.
    pub subject: String,
}

/// Records a change for the audit log, in its transaction.
pub async fn record_change<S>(
    cx: &RequestContext<S>,
    queue: &Queue,
    tx: &Tx,
    author: &ChangeAuthor,
    change: Change<'_>,
) -> Result<()> {
    let ChangeAuthor { who, request, client } = author.clone();
    let Change { action, tool, subject } = change;
    let entry = AuditedChange {
        id: cx.generate_id(),
        at: cx.now(),
        who,
        action: action.to_owned(),
        tool: tool.map(|(id, name)| AuditedTool { id, name: name.clone() }),
        subject,
        request_id: request,
        client,
    };
    queue.enqueue(tx, AUDIT_TASK, &entry.id.to_string(), &entry, entry.at).await
}

/// Creates the worker that delivers the entries of a queue.
pub fn create_worker(queue: &Queue, clients: &ServiceClients) -> Worker {
    create_task_worker(queue, DeliverChanges(clients.clone()))
}

struct DeliverChanges(ServiceClients);

impl QueueTask for DeliverChanges {
    type Payload = AuditedChange;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<AuditedChange> {
        AUDIT_TASK
    }

    fn settings(&self) -> TaskSettings {
        TaskSettings { retry: DELIVERY_RETRY, ..TaskSettings::DEFAULT }
    }

    async fn perform_item(&self, item: &QueueItem<AuditedChange>, (): &()) -> Result<()> {
        let accounts = self.0.create_client(Role::Accounts)?;
        accounts.accounts_internal().record_audited_change(&item.payload).await.map(drop)
    }
}
