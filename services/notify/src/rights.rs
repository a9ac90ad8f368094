//! The rights of this service.

use hearth_base::{Access, Role};
use hearth_kit::{
    guard::{MemberCaller, Requirement, ServiceCaller},
    rights,
};

rights! {
    /// Read the mail settings, mails, webhooks and deliveries of a tool.
    NotifyRead = "notify:read", Requirement::Tool(Access::Read) => MemberCaller;
    /// Change the mail settings and webhooks of a tool.
    NotifyWrite = "notify:write", Requirement::Tool(Access::Write) => MemberCaller;
    /// Read the available channels.
    ReadChannels = "notify:channels", Requirement::Services(&[Role::Jobs]) => ServiceCaller;
    /// Send mail about accounts.
    SendAccountMails = "notify:account-mails", Requirement::Services(&[Role::Accounts]) => ServiceCaller;
}
