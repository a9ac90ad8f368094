//! Calls about users and credentials.

use hearth_base::{Result, TokenId, UserName};
use hearth_wire::{
    accounts::{
        CallerInfo, Invitation, InvitationCreate, InvitationCreated, MailAddress, PasswordChange,
        SessionCreate, SessionCreated, Token, TokenCreate, TokenCreated, User, UserPatch, UserRegistration,
    },
    reply::{Done, Listed, Paging},
};
use http::Method;

use crate::Client;

/// Calls to `/accounts/v1`.
#[derive(Debug, Clone, Copy)]
pub struct AccountsCalls<'a>(&'a Client);

impl Client {
    /// Returns the calls about users and credentials.
    pub fn accounts(&self) -> AccountsCalls<'_> {
        AccountsCalls(self)
    }
}

impl AccountsCalls<'_> {
    /// Registers a user with a code.
    pub async fn join_with_code(&self, join: &UserRegistration) -> Result<User> {
        self.0.build_call(Method::POST, "/accounts/v1/join").json(join).fetch_data().await
    }

    /// Shows the caller and their credential.
    pub async fn show_caller(&self) -> Result<CallerInfo> {
        self.0.build_call(Method::GET, "/accounts/v1/me").fetch_data().await
    }

    /// Changes the caller's password.
    pub async fn change_password(&self, change: &PasswordChange) -> Result<Done> {
        self.0.build_call(Method::POST, "/accounts/v1/me/password").json(change).fetch_data().await
    }

    /// Shows the mail address of the caller.
    pub async fn show_email(&self) -> Result<MailAddress> {
        self.0.build_call(Method::GET, "/accounts/v1/me/email").fetch_data().await
    }

    /// Changes the mail address of the caller.
    pub async fn update_email(&self, email: &MailAddress) -> Result<MailAddress> {
        self.0.build_call(Method::PUT, "/accounts/v1/me/email").json(email).fetch_data().await
    }

    /// Signs in with a password.
    pub async fn create_session(&self, session: &SessionCreate) -> Result<SessionCreated> {
        self.0.build_call(Method::POST, "/accounts/v1/sessions").json(session).fetch_data().await
    }

    /// Ends the current session.
    pub async fn end_session(&self) -> Result<Done> {
        self.0.build_call(Method::DELETE, "/accounts/v1/sessions/current").fetch_data().await
    }

    /// Lists the caller's tokens.
    pub async fn list_tokens(&self, paging: &Paging) -> Result<Listed<Token>> {
        self.0.build_call(Method::GET, "/accounts/v1/tokens").query(paging).fetch_data().await
    }

    /// Creates a token.
    pub async fn create_token(&self, token: &TokenCreate) -> Result<TokenCreated> {
        self.0.build_call(Method::POST, "/accounts/v1/tokens").json(token).fetch_data().await
    }

    /// Revokes a token.
    pub async fn revoke_token(&self, token: TokenId) -> Result<Done> {
        self.0.build_call(Method::DELETE, "/accounts/v1/tokens").segment(token).fetch_data().await
    }

    /// Lists all users, for operators.
    pub async fn list_users(&self, paging: &Paging) -> Result<Listed<User>> {
        self.0.build_call(Method::GET, "/accounts/v1/users").query(paging).fetch_data().await
    }

    /// Changes a user, for operators.
    pub async fn update_user(&self, user: &UserName, patch: &UserPatch) -> Result<User> {
        self.0.build_call(Method::PATCH, "/accounts/v1/users").segment(user).json(patch).fetch_data().await
    }

    /// Creates an invitation, for operators.
    pub async fn create_invitation(&self, invitation: &InvitationCreate) -> Result<InvitationCreated> {
        self.0.build_call(Method::POST, "/accounts/v1/invitations").json(invitation).fetch_data().await
    }

    /// Lists the open invitations, for operators.
    pub async fn list_invitations(&self, paging: &Paging) -> Result<Listed<Invitation>> {
        self.0.build_call(Method::GET, "/accounts/v1/invitations").query(paging).fetch_data().await
    }

    /// Withdraws an invitation, for operators.
    pub async fn withdraw_invitation(&self, invitation: TokenId) -> Result<Done> {
        self.0.build_call(Method::DELETE, "/accounts/v1/invitations").segment(invitation).fetch_data().await
    }
}
