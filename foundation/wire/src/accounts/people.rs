//! Users and registration.

use std::ops::RangeInclusive;

use hearth_base::{Credential, EmailAddress, Scopes, Secret, ToolName, ToolRole, UserId, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Length of a new password, in characters. The schemas below repeat it as `min_length` and `max_length`.
pub const PASSWORD_CHARACTERS: RangeInclusive<usize> = 10..=1000;

/// User with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::User)]
pub struct User {
    /// Id of the user.
    #[schema(value_type = String)]
    pub id: UserId,
    /// Sign-in name of the user.
    #[schema(value_type = String)]
    pub name: UserName,
    /// True for an operator of this Hearth.
    pub operator: bool,
    /// True when the user cannot sign in.
    pub disabled: bool,
    /// Time of registration.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
}

/// Changes that an operator makes to a user. Absent fields stay unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::UserPatch)]
#[serde(default)]
pub struct UserPatch {
    /// True: the user cannot sign in, and their sessions and tokens stop working.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// True: the user is an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<bool>,
}

/// Registration with a code: the one that the first start printed, or one of an invitation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Join)]
pub struct UserRegistration {
    /// The code; it is valid once.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub code: Secret,
    /// Sign-in name of the new user.
    #[schema(value_type = String)]
    pub name: UserName,
    /// Password: 10 to 1000 characters.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1000)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub password: Secret,
}

/// New invitation to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::InvitationCreate)]
#[serde(default)]
pub struct InvitationCreate {
    /// True: the invited user becomes an operator.
    pub operator: bool,
    /// Note about the recipient.
    pub note: String,
}

/// Invitation whose code has not been used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Invitation)]
pub struct Invitation {
    /// Id of the invitation; withdrawal uses it.
    #[schema(value_type = String)]
    pub id: hearth_base::TokenId,
    /// True when the invited user becomes an operator.
    pub operator: bool,
    /// Note about the recipient.
    pub note: String,
    /// Time of creation.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Expiry.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// New invitation with its code, which is shown only this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::InvitationCreated)]
pub struct InvitationCreated {
    /// Code to pass on to the recipient.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub code: Secret,
    /// The new invitation.
    pub invitation: Invitation,
}

/// Password change. Other sessions of the user end.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::PasswordChange)]
pub struct PasswordChange {
    /// Current password.
    #[schema(value_type = String, format = Password)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub current: Secret,
    /// New password: 10 to 1000 characters.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1000)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub new: Secret,
}

/// The caller and their credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Me)]
pub struct CallerInfo {
    /// `user` or `tool`.
    pub kind: String,
    /// Name of the user or tool.
    pub name: String,
    /// True for an operator whose credential has the operator scope.
    pub operator: bool,
    /// Kind and id of the credential.
    #[schema(value_type = Object)]
    pub credential: Credential,
    /// Scopes of the credential.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
}

/// Mail address of the caller. Only the caller sees it, and only mail to the caller uses it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Email)]
pub struct MailAddress {
    /// The confirmed address; absent or `null` for no mail.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email)]
    pub address: Option<EmailAddress>,
    /// New address whose code has not been entered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Email)]
    pub pending: Option<EmailAddress>,
}

/// New mail address of the caller, or its removal.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::EmailChange)]
pub struct MailAddressChange {
    /// The new address; absent or `null` for no mail.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email)]
    pub address: Option<EmailAddress>,
    /// Current password of the caller. Without it the change is refused with `password-needed`.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "serialize_optional_secret")]
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<Secret>,
}

/// Code from the mail to a new address.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::EmailConfirmation)]
pub struct MailAddressConfirmation {
    /// The code; it is valid for an hour.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub code: Secret,
}

/// New password with a recovery code. All sessions of the user end, and all personal tokens.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::PasswordReset)]
pub struct PasswordReset {
    /// The code, from an operator or from a mail; it is valid once.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub code: Secret,
    /// New password: 10 to 1000 characters.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1000)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub password: Secret,
}

/// Request for a recovery code by mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::RecoveryMailRequest)]
pub struct RecoveryMailRequest {
    /// Name of the user.
    #[schema(value_type = String)]
    pub name: UserName,
}

/// Recovery code of a user, which is shown only this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::RecoveryCode)]
pub struct RecoveryCode {
    /// Code to pass on to the user: it sets a new password.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub code: Secret,
    /// Name of the user.
    #[schema(value_type = String)]
    pub user: UserName,
    /// Expiry.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// Offer of a membership, which the offered user accepts or declines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::MembershipOffer)]
pub struct MembershipOffer {
    /// Name of the tool.
    #[schema(value_type = String)]
    pub tool: ToolName,
    /// Offered role.
    #[schema(value_type = String)]
    pub role: ToolRole,
    /// Name of the user who made the offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub offered_by: Option<UserName>,
    /// Time of the offer.
    #[schema(value_type = String, format = DateTime)]
    pub offered: Timestamp,
    /// Expiry.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// Serializes an optional secret as text.
pub(crate) fn serialize_optional_secret<S: serde::Serializer>(
    secret: &Option<Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serializer.serialize_some(secret.expose_secret()),
        None => serializer.serialize_none(),
    }
}
