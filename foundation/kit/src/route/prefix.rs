//! First segments of paths that a service answers.

use std::collections::BTreeMap;

use hearth_base::Role;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{OpenApi, extensions::Extensions};
use utoipa_axum::router::OpenApiRouter;

use crate::reply::Dialect;

/// The extension of a document that holds its prefixes.
const EXTENSION: &str = "x-hearth-prefixes";

/// The attributes of all paths below one first segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prefix {
    /// How refusals look; when absent, as the service's do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// Where registry clients that are not signed in get a token, when they sign in by the token flow of container
    /// registries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_flow: Option<String>,
}

impl Prefix {
    /// A prefix that speaks as its service does.
    pub fn own() -> Self {
        Self::default()
    }

    /// A prefix whose paths and answers another standard prescribes.
    pub fn of_standard(dialect: Dialect) -> Self {
        Self { dialect: Some(dialect), token_flow: None }
    }

    /// Clients sign in by the token flow, and get tokens at this path.
    #[must_use]
    pub fn token_flow(mut self, path: &str) -> Self {
        self.token_flow = Some(path.to_owned());
        self
    }
}

/// The prefixes of one service, by segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prefixes(pub BTreeMap<String, Prefix>);

impl Prefixes {
    /// Those of the service with this document: its own name, and those that its table of routes declares.
    pub(crate) fn complete(document: &mut OpenApi, role: Role, usual: Dialect) -> Self {
        let mut prefixes = Self::declared(document);
        prefixes.0.entry(role.name().to_owned()).or_default();
        let mut written = prefixes.clone();
        for prefix in written.0.values_mut() {
            prefix.dialect.get_or_insert(usual);
        }
        written.write(document);
        prefixes
    }

    fn declared(document: &OpenApi) -> Self {
        let declared = document.extensions.as_ref().and_then(|extensions| extensions.get(EXTENSION).cloned());
        declared.and_then(|declared| serde_json::from_value(declared).ok()).unwrap_or_default()
    }

    fn write(&self, document: &mut OpenApi) {
        let extensions = document.extensions.get_or_insert_with(Extensions::default);
        extensions.insert(EXTENSION.to_owned(), serde_json::to_value(self).unwrap_or_default());
    }

    /// The prefixes where the service's own endpoints of health and description are.
    pub(crate) fn own(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, prefix)| prefix.dialect.is_none()).map(|(segment, _)| segment.as_str())
    }

    /// The dialect at `path` of a service that speaks `usual` elsewhere.
    pub(crate) fn dialect_at(&self, path: &str, usual: Dialect) -> Dialect {
        let segment = path.split('/').nth(1).unwrap_or_default();
        self.0.get(segment).and_then(|prefix| prefix.dialect).unwrap_or(usual)
    }
}

/// Declares prefixes in a service's table of routes. Its own name is one without being declared.
pub trait PrefixExt {
    /// The service also answers paths whose first segment is this.
    #[must_use]
    fn prefix(self, segment: &str, prefix: Prefix) -> Self;
}

impl<S: Clone + Send + Sync + 'static> PrefixExt for OpenApiRouter<S> {
    fn prefix(mut self, segment: &str, prefix: Prefix) -> Self {
        let document = self.get_openapi_mut();
        let mut prefixes = Prefixes::declared(document);
        prefixes.0.insert(segment.to_owned(), prefix);
        prefixes.write(document);
        self
    }
}
