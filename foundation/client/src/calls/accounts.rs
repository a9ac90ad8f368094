//! Calls about users and credentials.

use hearth_base::{Result, TokenId, ToolName, ToolRequestId, UserName};
use hearth_wire::{
    accounts::{
        CallerInfo, Invitation, InvitationCreate, InvitationCreated, MailAddress, MailAddressChange,
        MailAddressConfirmation, MembershipOffer, PasswordChange, PasswordReset, RecoveryCode,
        RecoveryMailRequest, RequestAcceptance, RequestRefusal, SessionCreate, SessionCreated, Token,
        TokenCreate, TokenCreated, ToolRequest, ToolRequestQuery, User, UserPatch, UserRegistration,
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

    /// Changes the mail address of the caller, with the current password. A new address is pending until its code is
    /// confirmed.
    pub async fn update_email(&self, email: &MailAddressChange) -> Result<MailAddress> {
        self.0.build_call(Method::PUT, "/accounts/v1/me/email").json(email).fetch_data().await
    }

    /// Confirms the pending mail address of the caller with the code that was mailed to it.
    pub async fn confirm_email(&self, confirmation: &MailAddressConfirmation) -> Result<MailAddress> {
        let call = self.0.build_call(Method::POST, "/accounts/v1/me/email/confirmation");
        call.json(confirmation).fetch_data().await
    }

    /// Lists the memberships that are offered to the caller.
    pub async fn list_membership_offers(&self, paging: &Paging) -> Result<Listed<MembershipOffer>> {
        self.0.build_call(Method::GET, "/accounts/v1/me/memberships").query(paging).fetch_data().await
    }

    /// Accepts an offered membership.
    pub async fn accept_membership(&self, tool: &ToolName) -> Result<Done> {
        let call = self.0.build_call(Method::PUT, "/accounts/v1/me/memberships").segment(tool);
        call.fetch_data().await
    }

    /// Declines an offered membership, or leaves a tool.
    pub async fn end_membership(&self, tool: &ToolName) -> Result<Done> {
        let call = self.0.build_call(Method::DELETE, "/accounts/v1/me/memberships").segment(tool);
        call.fetch_data().await
    }

    /// Sets a new password with a recovery code.
    pub async fn reset_password(&self, reset: &PasswordReset) -> Result<User> {
        self.0.build_call(Method::POST, "/accounts/v1/password-reset").json(reset).fetch_data().await
    }

    /// Requests a recovery code by mail. The answer does not say whether the user exists.
    pub async fn request_recovery_mail(&self, request: &RecoveryMailRequest) -> Result<Done> {
        self.0.build_call(Method::POST, "/accounts/v1/recovery-mails").json(request).fetch_data().await
    }

    /// Creates a recovery code for a user, for operators.
    pub async fn create_recovery_code(&self, user: &UserName) -> Result<RecoveryCode> {
        let call = self.0.build_call(Method::POST, "/accounts/v1/users").segment(user);
        call.path_suffix("/recovery-codes").fetch_data().await
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

    /// Lists the requests of all tools, newest first, for operators.
    pub async fn list_requests(&self, query: &ToolRequestQuery) -> Result<Listed<ToolRequest>> {
        self.0.build_call(Method::GET, REQUESTS_PATH).query(query).fetch_data().await
    }

    /// Shows a request, for operators.
    pub async fn show_request(&self, request: ToolRequestId) -> Result<ToolRequest> {
        self.0.build_call(Method::GET, REQUESTS_PATH).segment(request).fetch_data().await
    }

    /// Accepts a request, for operators: the tool gets what it asked for.
    pub async fn accept_request(
        &self,
        request: ToolRequestId,
        acceptance: &RequestAcceptance,
    ) -> Result<ToolRequest> {
        let call = self.0.build_call(Method::POST, REQUESTS_PATH).segment(request);
        call.path_suffix("/accept").json(acceptance).fetch_data().await
    }

    /// Refuses a request, for operators.
    pub async fn refuse_request(
        &self,
        request: ToolRequestId,
        refusal: &RequestRefusal,
    ) -> Result<ToolRequest> {
        let call = self.0.build_call(Method::POST, REQUESTS_PATH).segment(request);
        call.path_suffix("/refuse").json(refusal).fetch_data().await
    }
}

const REQUESTS_PATH: &str = "/accounts/v1/requests";
