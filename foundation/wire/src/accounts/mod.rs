//! Users and their credentials: `/accounts/v1`.

mod audit;
mod credentials;
mod people;
mod requests;

pub mod deploy_tokens;
pub mod internal;

pub use audit::{AuditEntry, AuditQuery};
pub use credentials::{SESSION_COOKIE, SessionCreate, SessionCreated, Token, TokenCreate, TokenCreated};
pub(crate) use people::serialize_optional_secret;
pub use people::{
    CallerInfo, Invitation, InvitationCreate, InvitationCreated, MailAddress, MailAddressChange,
    MailAddressConfirmation, MembershipOffer, PASSWORD_CHARACTERS, PasswordChange, PasswordReset,
    RecoveryCode, RecoveryMailRequest, User, UserPatch, UserRegistration,
};
pub use requests::{
    PackageSourceRequest, RequestAcceptance, RequestEvent, RequestEventData, RequestKind, RequestRefusal,
    RequestState, ToolRequest, ToolRequestCreate, ToolRequestQuery,
};
