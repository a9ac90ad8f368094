//! Users and how they come in.

use hearth_base::{Credential, EmailAddress, Scopes, Secret, UserId, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::User)]
pub struct User {
    /// Their id.
    #[schema(value_type = String)]
    pub id: UserId,
    /// Their name for signing in.
    #[schema(value_type = String)]
    pub name: UserName,
    /// Whether they run this Hearth.
    pub operator: bool,
    /// Whether they are kept from signing in.
    pub disabled: bool,
    /// Since when they are here.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
}

/// What an operator may change about a user. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::UserPatch)]
#[serde(default)]
pub struct UserPatch {
    /// Keep them from signing in, and end their sessions and tokens' use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Make them an operator, or no longer one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<bool>,
}

/// Coming in with a code: the one that the first start printed, or an invitation's.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Join)]
pub struct Join {
    /// The code, good once.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::expose")]
    pub code: Secret,
    /// The name to sign in with from now on.
    #[schema(value_type = String)]
    pub name: UserName,
    /// A password of at least 10 characters.
    #[schema(value_type = String, format = Password, min_length = 10)]
    #[serde(serialize_with = "Secret::expose")]
    pub password: Secret,
}

/// Inviting somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::InvitationCreate)]
#[serde(default)]
pub struct InvitationCreate {
    /// Whether they will run this Hearth.
    pub operator: bool,
    /// For whom it is, in your own words.
    pub note: String,
}

/// A code waiting to be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Invitation)]
pub struct Invitation {
    /// Its id, by which it is withdrawn.
    #[schema(value_type = String)]
    pub id: hearth_base::TokenId,
    /// Whether whoever uses it will run this Hearth.
    pub operator: bool,
    /// For whom it is.
    pub note: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// A new invitation with its code, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::InvitationCreated)]
pub struct InvitationCreated {
    /// What to pass on.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::expose")]
    pub code: Secret,
    /// What was made.
    pub invitation: Invitation,
}

/// Choosing a new password. Other sessions of the user end.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::PasswordChange)]
pub struct PasswordChange {
    /// The one that was good until now.
    #[schema(value_type = String, format = Password)]
    #[serde(serialize_with = "Secret::expose")]
    pub current: Secret,
    /// A new one of at least 10 characters.
    #[schema(value_type = String, format = Password, min_length = 10)]
    #[serde(serialize_with = "Secret::expose")]
    pub new: Secret,
}

/// Who the caller is, and what they showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Me)]
pub struct Me {
    /// `user` or `tool`.
    pub kind: String,
    /// The user's or the tool's name.
    pub name: String,
    /// Whether they run this Hearth and may do so with this credential.
    pub operator: bool,
    /// What they showed: the sort of credential and its id.
    #[schema(value_type = Object)]
    pub credential: Credential,
    /// What the credential may be used for.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
}

/// Where mail to the caller goes. Nobody else sees it; mail to them is sent there, and nothing else is done with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Email)]
pub struct Email {
    /// The address; absent or `null`: no mail.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email)]
    pub address: Option<EmailAddress>,
}
