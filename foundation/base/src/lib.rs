//! Common vocabulary of all layers: names, ids, errors, secrets, time, pages and signed identities.
//!
//! The crate does no I/O and is independent of HTTP, databases and the rules of services.

mod access;
mod as_text;
mod clock;
mod digest;
pub mod dotenv;
mod environment_name;
mod envvar_names;
mod error;
mod free_space;
mod identity;
mod ids;
mod keys;
mod mandate;
mod names;
pub mod nearest;
mod page;
mod paseto;
mod preview_number;
mod quantity;
mod role;
mod sealed;
mod secret;
mod text;

pub use access::{Access, Scope, Scopes, ToolRole};
pub use clock::{Clock, ManualClock, SystemClock};
pub use digest::Digest;
pub use environment_name::EnvironmentName;
pub use error::{Error, ErrorKind, Result};
pub use free_space::FreeSpace;
pub use identity::{Caller, Credential, IDENTITY_LIFETIME, Identity, ToolGrant};
pub use ids::{
    BlobId, BuildId, DeliveryId, Entropy, EventId, Id, IdKind, MailId, MandateId, OutsideBuilderId,
    ProcessInstanceId, RepositoryId, RequestId, SessionId, SourceId, TokenId, ToolId, ToolRequestId,
    UploadId, UserId, WebhookId,
};
pub use keys::{KeyRing, RoleKey};
pub use mandate::{MANDATE_LIFETIME, Mandate, PresentedCredentials};
pub use names::{
    BuilderName, EmailAddress, EndpointName, EnvvarName, ImageName, JobName, PackageSourceName, PathParam,
    ToolName, UserName, VolumeName,
};
pub use page::{Page, PageCursor, PageLimit};
pub use preview_number::PreviewNumber;
pub use quantity::{Cpu, Memory};
pub use role::Role;
pub use sealed::{OpeningKeys, SealContext, SealedValue, SealingKey};
pub use secret::Secret;
pub use text::{check_plain_text, cut_text, join_first_names, strip_terminal_codes, to_single_line};
