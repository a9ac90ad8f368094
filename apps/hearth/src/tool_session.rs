//! A session with the server about one tool, used by nearly every command.

use hearth_base::{Error, ErrorKind, PageCursor, PageLimit, Result, ToolName, ToolRole};
use hearth_client::Client;
use hearth_wire::reply::Listed;

use crate::{
    context::CommandContext,
    nearest::find_nearest,
    session::{Session, collect_pages},
    settings::Sourced,
};

/// A session about one tool.
pub struct ToolSession<'a> {
    /// The session that sends the requests.
    pub server_session: Session<'a>,
    /// The tool, and the source of its name.
    pub tool: Sourced<ToolName>,
    cx: &'a CommandContext,
}

impl CommandContext {
    /// Opens a session about the tool that the settings name.
    pub fn open_tool_session(&self) -> Result<ToolSession<'_>> {
        let tool = self.require_tool()?;
        self.open_session_for_tool(tool)
    }

    /// Opens a session about `tool`.
    pub fn open_session_for_tool(&self, tool: Sourced<ToolName>) -> Result<ToolSession<'_>> {
        Ok(ToolSession { server_session: self.open_session()?, tool, cx: self })
    }
}

impl ToolSession<'_> {
    /// The tool's name.
    pub fn tool_name(&self) -> &ToolName {
        &self.tool.value
    }

    /// The client, which authenticates with the session's credential.
    pub fn client(&self) -> &Client {
        &self.server_session.client
    }

    /// Sends a request about the tool. When the tool is not the caller's, the error proposes the nearest of
    /// their tools.
    pub async fn send<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.server_session.send_about_tool(&self.tool, call).await
    }

    /// Collects the items of all pages of a list of the tool.
    pub async fn collect_pages<T, F: Future<Output = Result<Listed<T>>>>(
        &self,
        page: impl Fn(PageLimit, Option<PageCursor>) -> F,
    ) -> Result<Vec<T>> {
        collect_pages(async |limit, cursor| self.send(page(limit, cursor)).await).await
    }

    /// Refuses what the server would refuse only after an upload: a change by a caller who is no member, or may only
    /// read. Any other problem is left to the request itself. The list of the caller's tools has a tool at once after
    /// its creation; a request about it may be refused for a moment.
    pub async fn check_right_to_change(&self) -> Result<()> {
        let Ok(own_tools) = self.server_session.list_tools(false).await else { return Ok(()) };
        let own_role = own_tools.iter().find(|own| own.name == self.tool.value).map(|own| own.role);
        if own_role.is_some_and(|role| role != Some(ToolRole::Viewer)) {
            return Ok(());
        }
        match self.client().accounts().show_caller().await {
            // Operators may change every tool; a tool is no member of itself.
            Ok(caller) if !caller.operator && caller.kind == "user" => {}
            _ => return Ok(()),
        }
        self.send(async { Err(Error::forbidden("forbidden", "only maintainers and owners change a tool")) })
            .await
    }

    /// Sends a request about the tool's resource `name`. When it does not exist, the error proposes the
    /// nearest of `others`.
    pub async fn send_with_suggestion<T>(
        &self,
        name: &str,
        call: impl Future<Output = Result<T>>,
        others: impl Future<Output = Result<Vec<String>>>,
    ) -> Result<T> {
        match self.send(call).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(self.suggest_nearest_name(name, error, others).await)
            }
            answer => answer,
        }
    }

    async fn suggest_nearest_name(
        &self,
        name: &str,
        error: Error,
        others: impl Future<Output = Result<Vec<String>>>,
    ) -> Error {
        let Ok(others) = others.await else { return error };
        // The resource exists; the server misses a part of it.
        if others.iter().any(|other| other == name) {
            return error;
        }
        let near = find_nearest(name, others.iter().map(String::as_str));
        let Some(command) = near.and_then(|near| self.cx.command_line.with_replacement(name, near)) else {
            return error;
        };
        error.help(command)
    }
}
