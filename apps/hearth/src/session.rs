//! Speaking to the server with what the settings say, and explaining what it refuses.

use std::sync::Arc;

use hearth_base::{Cursor, Error, Kind, Limit, Result, Secret, ToolName};
use hearth_client::{Anonymous, Authority, Bearer, Client, Transport};
use hearth_wire::{
    reply::{Listed, Paging},
    tools::{Tool, ToolQuery},
};

use crate::{
    context::Context,
    nearest::nearest,
    settings::{Server, Source, Sourced},
};

/// A server, and what is shown to it.
pub struct Session<'a> {
    /// Calls, showing the credential.
    pub client: Client,
    /// The server.
    pub server: Server,
    credential: Option<Source>,
    cx: &'a Context,
}

impl Context {
    /// A session with the settings' server and credential; refused when there is none.
    pub fn session(&self) -> Result<Session<'_>> {
        let Sourced { value: server, source } = self.settings.server()?;
        let token = self.settings.token(&server).ok_or_else(|| {
            let login = match source {
                Source::Flag(_) => format!("hearth login {server}"),
                _ => "hearth login".to_owned(),
            };
            Error::unauthenticated("not-signed-in", format!("you are not signed in at {server}")).help(login)
        })?;
        if self.settings.user.is_open() && matches!(token.source, Source::User(_)) {
            let path = self.settings.environment.short(self.settings.user.path());
            self.printer.warning(&format!("others can read {path}: run chmod 600 {path}"));
        }
        self.session_showing(server, token)
    }

    /// A session with `server` that shows `token`.
    pub fn session_showing(&self, server: Server, token: Sourced<Secret>) -> Result<Session<'_>> {
        let Sourced { value, source } = token;
        self.session_with(server, Arc::new(Bearer(value)), Some(source))
    }

    /// A session with `server` that shows nothing.
    pub fn anonymous_session(&self, server: Server) -> Result<Session<'_>> {
        self.session_with(server, Arc::new(Anonymous), None)
    }

    fn session_with(
        &self,
        server: Server,
        authority: Arc<dyn Authority>,
        credential: Option<Source>,
    ) -> Result<Session<'_>> {
        let client = Client::new(Transport::url(server.as_str())?, authority);
        Ok(Session { client, server, credential, cx: self })
    }
}

impl Session<'_> {
    /// A client that shows nothing, for what is not the server's own.
    pub fn nobody(&self) -> Client {
        self.client.showing(Arc::new(Anonymous))
    }

    /// Waits for an answer. A refusal names the credential that was shown; silence, the server.
    pub async fn ask<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = self.cx.patiently(self.server.as_str(), call).await;
        answer.map_err(|error| self.explained(error))
    }

    /// Waits for news that may be long in coming; whoever asks says that it waits.
    pub async fn wait<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        call.await.map_err(|error| self.explained(error))
    }

    /// Waits for an answer about `tool`. When it is none of the caller's, the nearest of theirs is proposed.
    pub async fn ask_about<T>(
        &self,
        tool: &Sourced<ToolName>,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match self.ask(call).await {
            Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound) => {
                Err(self.about_tool(tool, error).await)
            }
            answer => answer,
        }
    }

    /// The caller's tools.
    pub async fn tools(&self, all: bool) -> Result<Vec<Tool>> {
        let tools = self.client.tools();
        self.every(|limit, cursor| async move { tools.list(&ToolQuery { all, limit, cursor }).await }).await
    }

    /// Every item of a list, page after page.
    pub async fn every<T, F: Future<Output = Result<Listed<T>>>>(
        &self,
        page: impl Fn(Limit, Option<Cursor>) -> F,
    ) -> Result<Vec<T>> {
        let limit = Limit::new(Limit::MAX)?;
        let mut items = Vec::new();
        let mut cursor = None;
        loop {
            let listed = self.ask(page(limit, cursor)).await?;
            items.extend(listed.items);
            match listed.next {
                None => return Ok(items),
                next => cursor = next,
            }
        }
    }

    /// Every item of a list that takes nothing but paging.
    pub async fn all<T, F: Future<Output = Result<Listed<T>>>>(
        &self,
        page: impl Fn(Paging) -> F,
    ) -> Result<Vec<T>> {
        self.every(|limit, cursor| page(Paging { limit, cursor })).await
    }

    /// How the caller is signed in, in words.
    pub fn credential(&self) -> Option<String> {
        Some(match self.credential.as_ref()? {
            Source::User(path) => {
                let who = self.cx.settings.user.entry(&self.server).map_or("", |entry| entry.user.as_str());
                let path = self.cx.settings.environment.short(path);
                format!("signed in as {who} at {} (hearth login, {path})", self.server)
            }
            Source::Environment(name) | Source::Flag(name) => {
                format!("using the token of {name} at {}", self.server)
            }
            other => format!("using the token of {other} at {}", self.server),
        })
    }

    fn explained(&self, error: Error) -> Error {
        let from_environment = matches!(self.credential, Some(Source::Environment(_)));
        match (error.kind(), self.credential()) {
            (Kind::Unauthenticated, Some(credential)) => {
                let next = if from_environment {
                    "set HEARTH_TOKEN to a token that is good, or unset it"
                } else {
                    "hearth login"
                };
                error.also(format!("You are {credential}.")).help(next)
            }
            (Kind::Forbidden, Some(credential)) => error.also(format!("You are {credential}.")),
            _ if error.code() == "server-unreachable" && self.server.is_local() => {
                error.also("Nothing runs at this address on this machine.").help("hearth up")
            }
            _ if error.code() == "server-unreachable" => {
                let set = self.cx.settings.server().ok().filter(|set| set.value == self.server);
                let from = set.map(|set| format!("The address comes from: {}.", set.source));
                from.into_iter().fold(error, Error::also).help("hearth login ADDRESS")
            }
            _ => error,
        }
    }

    async fn about_tool(&self, tool: &Sourced<ToolName>, error: Error) -> Error {
        let Ok(mine) = self.tools(false).await else { return error };
        let name = tool.value.as_str();
        if mine.iter().any(|mine| mine.name == tool.value) {
            return error;
        }
        let code = error.code().to_owned();
        let mut better = Error::new(error.kind(), code, format!("{name} is not one of your tools"));
        if let Some(id) = error.request() {
            better = better.in_request(id);
        }
        if !matches!(tool.source, Source::Argument | Source::Flag(_)) {
            better = better.also(format!("Its name comes from: {}.", tool.source));
        }
        for sentence in error.sentences().skip(1) {
            better = better.also(sentence);
        }
        let near = nearest(name, mine.iter().map(|mine| mine.name.as_str()));
        let command = near.and_then(|near| self.cx.words.with(name, near));
        better.help(command.unwrap_or_else(|| "hearth tool list".to_owned()))
    }
}
