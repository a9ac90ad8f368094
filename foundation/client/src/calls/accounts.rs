//! Calls about people and credentials.

use hearth_base::{Result, TokenId, UserName};
use hearth_wire::{
    accounts::{
        Email, Invitation, InvitationCreate, InvitationCreated, Join, Me, PasswordChange, SessionCreate,
        SessionCreated, Token, TokenCreate, TokenCreated, User, UserPatch,
    },
    reply::{Done, Listed, Paging},
};
use http::Method;

use crate::Client;

/// Calls to `/accounts/v1`.
#[derive(Debug, Clone, Copy)]
pub struct AccountsCalls<'a>(&'a Client);

impl Client {
    /// Calls about people and credentials.
    pub fn accounts(&self) -> AccountsCalls<'_> {
        AccountsCalls(self)
    }
}

impl AccountsCalls<'_> {
    /// Comes in with a code.
    pub async fn join(&self, join: &Join) -> Result<User> {
        self.0.call(Method::POST, "/accounts/v1/join").json(join).data().await
    }

    /// Who the caller is.
    pub async fn me(&self) -> Result<Me> {
        self.0.call(Method::GET, "/accounts/v1/me").data().await
    }

    /// Chooses a new password.
    pub async fn password_change(&self, change: &PasswordChange) -> Result<Done> {
        self.0.call(Method::POST, "/accounts/v1/me/password").json(change).data().await
    }

    /// Where mail to the caller goes.
    pub async fn email(&self) -> Result<Email> {
        self.0.call(Method::GET, "/accounts/v1/me/email").data().await
    }

    /// Changes where mail to the caller goes.
    pub async fn email_put(&self, email: &Email) -> Result<Email> {
        self.0.call(Method::PUT, "/accounts/v1/me/email").json(email).data().await
    }

    /// Signs in with a password.
    pub async fn session_create(&self, session: &SessionCreate) -> Result<SessionCreated> {
        self.0.call(Method::POST, "/accounts/v1/sessions").json(session).data().await
    }

    /// Ends the session that the call shows.
    pub async fn session_end(&self) -> Result<Done> {
        self.0.call(Method::DELETE, "/accounts/v1/sessions/current").data().await
    }

    /// The caller's tokens.
    pub async fn token_list(&self, paging: &Paging) -> Result<Listed<Token>> {
        self.0.call(Method::GET, "/accounts/v1/tokens").query(paging).data().await
    }

    /// Makes a token.
    pub async fn token_create(&self, token: &TokenCreate) -> Result<TokenCreated> {
        self.0.call(Method::POST, "/accounts/v1/tokens").json(token).data().await
    }

    /// Revokes a token.
    pub async fn token_revoke(&self, token: TokenId) -> Result<Done> {
        self.0.call(Method::DELETE, "/accounts/v1/tokens").segment(token).data().await
    }

    /// Everybody here, for operators.
    pub async fn user_list(&self, paging: &Paging) -> Result<Listed<User>> {
        self.0.call(Method::GET, "/accounts/v1/users").query(paging).data().await
    }

    /// Changes a user, for operators.
    pub async fn user_patch(&self, user: &UserName, patch: &UserPatch) -> Result<User> {
        self.0.call(Method::PATCH, "/accounts/v1/users").segment(user).json(patch).data().await
    }

    /// Invites somebody, for operators.
    pub async fn invitation_create(&self, invitation: &InvitationCreate) -> Result<InvitationCreated> {
        self.0.call(Method::POST, "/accounts/v1/invitations").json(invitation).data().await
    }

    /// The codes that wait to be used, for operators.
    pub async fn invitation_list(&self, paging: &Paging) -> Result<Listed<Invitation>> {
        self.0.call(Method::GET, "/accounts/v1/invitations").query(paging).data().await
    }

    /// Withdraws an invitation, for operators.
    pub async fn invitation_withdraw(&self, invitation: TokenId) -> Result<Done> {
        self.0.call(Method::DELETE, "/accounts/v1/invitations").segment(invitation).data().await
    }
}
