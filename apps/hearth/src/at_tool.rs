//! One tool at a server: what nearly every command speaks to.

use hearth_base::{Error, Kind, Result, ToolName};
use hearth_client::Client;

use crate::{context::Context, nearest::nearest, session::Session, settings::Sourced};

/// A session about one tool.
pub struct AtTool<'a> {
    /// How the server is spoken to.
    pub session: Session<'a>,
    /// The tool, and who named it.
    pub tool: Sourced<ToolName>,
    cx: &'a Context,
}

impl Context {
    /// A session about the tool that the settings name.
    pub fn at_tool(&self) -> Result<AtTool<'_>> {
        let tool = self.tool()?;
        self.at(tool)
    }

    /// A session about `tool`.
    pub fn at(&self, tool: Sourced<ToolName>) -> Result<AtTool<'_>> {
        Ok(AtTool { session: self.session()?, tool, cx: self })
    }
}

impl AtTool<'_> {
    /// The tool's name.
    pub fn name(&self) -> &ToolName {
        &self.tool.value
    }

    /// Calls, showing the credential.
    pub fn client(&self) -> &Client {
        &self.session.client
    }

    /// Waits for an answer about the tool. When it is none of the caller's, the nearest of theirs is proposed.
    pub async fn ask<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.session.ask_about(&self.tool, call).await
    }

    /// Waits for an answer about something of the tool's that is called `name`. When there is none, the nearest of
    /// `others` is proposed.
    pub async fn ask_for<T>(
        &self,
        name: &str,
        call: impl Future<Output = Result<T>>,
        others: impl Future<Output = Result<Vec<String>>>,
    ) -> Result<T> {
        match self.ask(call).await {
            Err(error) if error.kind() == Kind::NotFound => Err(self.nearer(name, error, others).await),
            answer => answer,
        }
    }

    async fn nearer(
        &self,
        name: &str,
        error: Error,
        others: impl Future<Output = Result<Vec<String>>>,
    ) -> Error {
        let Ok(others) = others.await else { return error };
        // It is there: what is missing is something of its own.
        if others.iter().any(|other| other == name) {
            return error;
        }
        let near = nearest(name, others.iter().map(String::as_str));
        let Some(command) = near.and_then(|near| self.cx.words.with(name, near)) else { return error };
        error.help(command)
    }
}
