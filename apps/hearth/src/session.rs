//! Sessions with the server: requests with the settings' credential, and explanations of refusals.

use std::sync::Arc;

use hearth_base::{Error, ErrorKind, PageCursor, PageLimit, Result, Secret, ToolName, ToolRole};
use hearth_client::{Anonymous, Authority, Bearer, Client, Transport};
use hearth_wire::{
    reply::{Listed, Paging},
    tools::{Tool, ToolQuery, ToolState},
};

use crate::{
    context::CommandContext,
    nearest::find_nearest,
    settings::{ServerAddress, SettingSource, Sourced},
};

/// The next step when `HEARTH_TOKEN` is invalid: it overrides the token of `hearth login`.
pub const INVALID_TOKEN_ADVICE: &str = "set HEARTH_TOKEN to a valid token, or unset it";

/// A server with the credential for it.
pub struct Session<'a> {
    /// The client, which authenticates with the credential.
    pub client: Client,
    /// The server.
    pub server: ServerAddress,
    credential: Option<SettingSource>,
    cx: &'a CommandContext,
}

impl CommandContext {
    /// Opens a session with the settings' server and credential; refuses without a credential.
    pub fn open_session(&self) -> Result<Session<'_>> {
        let Sourced { value: server, source } = self.settings.resolve_server()?;
        let token = self.settings.find_token(&server).ok_or_else(|| {
            let login = match source {
                SettingSource::Flag(_) => format!("hearth login {server}"),
                _ => "hearth login".to_owned(),
            };
            Error::unauthenticated("not-signed-in", format!("you are not signed in at {server}")).help(login)
        })?;
        if self.settings.user.is_readable_by_others() && matches!(token.source, SettingSource::User(_)) {
            let path = self.settings.environment.shorten_path(self.settings.user.path());
            self.printer.print_warning(&format!("other users can read {path}: run chmod 600 {path}"));
        }
        self.open_session_with_token(server, token)
    }

    /// Opens a session with `server` and `token`.
    pub fn open_session_with_token(
        &self,
        server: ServerAddress,
        token: Sourced<Secret>,
    ) -> Result<Session<'_>> {
        let Sourced { value, source } = token;
        self.build_session(server, Arc::new(Bearer(value)), Some(source))
    }

    /// Opens a session with `server` without a credential.
    pub fn open_anonymous_session(&self, server: ServerAddress) -> Result<Session<'_>> {
        self.build_session(server, Arc::new(Anonymous), None)
    }

    fn build_session(
        &self,
        server: ServerAddress,
        authority: Arc<dyn Authority>,
        credential: Option<SettingSource>,
    ) -> Result<Session<'_>> {
        let client = Client::new(Transport::from_url(server.as_str())?, authority);
        Ok(Session { client, server, credential, cx: self })
    }
}

/// Collects the items of all pages, which `fetch_page` requests one after the other.
pub async fn collect_pages<T>(
    fetch_page: impl AsyncFn(PageLimit, Option<PageCursor>) -> Result<Listed<T>>,
) -> Result<Vec<T>> {
    let limit = PageLimit::new(PageLimit::MAX_ITEMS)?;
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let listed = fetch_page(limit, cursor).await?;
        items.extend(listed.items);
        match listed.next {
            None => return Ok(items),
            next => cursor = next,
        }
    }
}

impl Session<'_> {
    /// Returns a client without a credential, for addresses that are not the server's own.
    pub fn anonymous_client(&self) -> Client {
        self.client.with_authority(Arc::new(Anonymous))
    }

    /// Sends a request. A refusal names the credential, an unreachable server the source of its address.
    pub async fn send<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = self.cx.wait_with_notices(self.server.as_str(), call).await;
        answer.map_err(|error| self.explain_refusal(error))
    }

    /// Sends a long-poll request. It prints no notices: the caller does.
    pub async fn send_long_poll<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        call.await.map_err(|error| self.explain_refusal(error))
    }

    /// Sends a request about `tool`. When the tool is not the caller's, the error proposes the nearest of
    /// their tools.
    pub async fn send_about_tool<T>(
        &self,
        tool: &Sourced<ToolName>,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match self.send(call).await {
            Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => {
                Err(self.explain_tool_refusal(tool, error).await)
            }
            answer => answer,
        }
    }

    /// Lists the caller's tools, or with `all` every tool (operators).
    pub async fn list_tools(&self, all: bool) -> Result<Vec<Tool>> {
        let tools = self.client.tools();
        self.collect_pages(|limit, cursor| async move { tools.list(&ToolQuery { all, limit, cursor }).await })
            .await
    }

    /// Collects the items of all pages of a list.
    pub async fn collect_pages<T, F: Future<Output = Result<Listed<T>>>>(
        &self,
        page: impl Fn(PageLimit, Option<PageCursor>) -> F,
    ) -> Result<Vec<T>> {
        collect_pages(async |limit, cursor| self.send(page(limit, cursor)).await).await
    }

    /// Collects the items of all pages of a list whose only parameter is the page.
    pub async fn collect_items<T, F: Future<Output = Result<Listed<T>>>>(
        &self,
        page: impl Fn(Paging) -> F,
    ) -> Result<Vec<T>> {
        self.collect_pages(|limit, cursor| page(Paging { limit, cursor })).await
    }

    /// Describes the credential, as in "signed in as alice at …".
    pub fn describe_credential(&self) -> Option<String> {
        Some(match self.credential.as_ref()? {
            SettingSource::User(path) => {
                let user =
                    self.cx.settings.user.find_entry(&self.server).map_or("", |entry| entry.user.as_str());
                let path = self.cx.settings.environment.shorten_path(path);
                format!("signed in as {user} at {} (hearth login, {path})", self.server)
            }
            SettingSource::Environment(name) | SettingSource::Flag(name) => {
                format!("using the token of {name} at {}", self.server)
            }
            other => format!("using the token of {other} at {}", self.server),
        })
    }

    fn explain_refusal(&self, error: Error) -> Error {
        let from_environment = matches!(self.credential, Some(SettingSource::Environment(_)));
        match (error.kind(), self.describe_credential()) {
            (ErrorKind::Unauthenticated, Some(credential)) => {
                let next = if from_environment { INVALID_TOKEN_ADVICE } else { "hearth login" };
                error.and_message(format!("You are {credential}.")).help(next)
            }
            (ErrorKind::Forbidden, Some(credential)) => error.and_message(format!("You are {credential}.")),
            _ if error.code() == "server-unreachable" && self.server.is_local() => error
                .and_message("Nothing runs at this address on this machine.")
                .help(self.server.start_command()),
            _ if error.code() == "server-unreachable" => {
                let set = self.cx.settings.resolve_server().ok().filter(|set| set.value == self.server);
                let from = set.map(|set| format!("The address comes from: {}.", set.source));
                from.into_iter().fold(error, Error::and_message).help("hearth login ADDRESS")
            }
            _ => error,
        }
    }

    async fn explain_tool_refusal(&self, tool: &Sourced<ToolName>, error: Error) -> Error {
        let Ok(own_tools) = self.list_tools(false).await else { return error };
        let name = tool.value.as_str();
        if let Some(own) = own_tools.iter().find(|own| own.name == tool.value) {
            if error.kind() == ErrorKind::Forbidden && own.state == ToolState::Deleting {
                return Error::conflict("tool-deleting", format!("tool {name} is being deleted"))
                    .help("choose another tool, or wait and create it again: hearth new NAME");
            }
            return match own.role {
                // The right's name alone does not say that the role on the tool is too low for it.
                Some(role) if error.kind() == ErrorKind::Forbidden && role != ToolRole::Owner => error
                    .and_message(format!("Your role on {name} is {role}; its owners can change it."))
                    .help(format!("hearth tool members --tool {name}")),
                _ => error,
            };
        }
        let code = error.code().to_owned();
        let mut better = Error::new(error.kind(), code, format!("{name} is not one of your tools"));
        if let Some(id) = error.request_id() {
            better = better.with_request_id(id);
        }
        if !matches!(tool.source, SettingSource::Argument | SettingSource::Flag(_)) {
            better = better.and_message(format!("Its name comes from: {}.", tool.source));
        }
        for sentence in error.public_messages().skip(1) {
            better = better.and_message(sentence);
        }
        let near = find_nearest(name, own_tools.iter().map(|mine| mine.name.as_str()));
        let typed = &self.cx.command_line;
        let command = near.and_then(|near| match &tool.source {
            SettingSource::Argument => typed.with_replacement(name, near),
            SettingSource::Flag(flag) => typed.with_flag_value(flag, near),
            // The name was not typed: an equal word means something else.
            _ => Some(typed.with_argument(&format!("--tool={near}"))),
        });
        better.help(command.unwrap_or_else(|| "hearth tool list".to_owned()))
    }
}
