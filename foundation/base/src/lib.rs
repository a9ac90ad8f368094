//! What every layer of Hearth agrees on: names, ids, errors, secrets, time, pages and signed identities.
//!
//! Nothing here does I/O or knows HTTP, a database or a service's rules.

mod access;
mod as_text;
mod clock;
mod digest;
pub mod dotenv;
mod envelope;
mod error;
mod identity;
mod ids;
mod keys;
mod mandate;
mod names;
mod page;
mod quantity;
mod role;
mod sealed;
mod secret;
mod text;

pub use access::{Access, Scope, Scopes, ToolRole};
pub use clock::{Clock, ManualClock, SystemClock};
pub use digest::Digest;
pub use error::{Error, Kind, Result};
pub use identity::{Caller, Credential, IDENTITY_LIFE, Identity, ToolGrant};
pub use ids::{
    BlobId, BuildId, DeliveryId, Entropy, EventId, Id, IdKind, LifeId, MailId, MandateId, RepositoryId,
    RequestId, SessionId, SourceId, TokenId, ToolId, UploadId, UserId, WebhookId,
};
pub use keys::{KeyRing, RoleKey};
pub use mandate::{MANDATE_LIFE, Mandate, Shown};
pub use names::{
    EmailAddress, EndpointName, EnvvarName, ImageName, JobName, PathParam, ToolName, UserName, VolumeName,
};
pub use page::{Cursor, Limit, Page};
pub use quantity::{Cpu, Memory};
pub use role::Role;
pub use sealed::{OpeningKeys, Sealed, SealedFor, SealingKey};
pub use secret::Secret;
pub use text::{one_line, plain_text};
