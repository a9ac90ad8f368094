//! Path prefixes: the first segments of the paths of a service.

use std::collections::BTreeMap;

use hearth_base::Role;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{OpenApi, extensions::Extensions};
use utoipa_axum::router::OpenApiRouter;

use crate::reply::Dialect;

/// Extension of the OpenAPI document with the prefixes.
const PREFIXES_EXTENSION: &str = "x-hearth-prefixes";

/// Attributes of all paths below a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoutePrefix {
    /// Dialect of errors; `None`: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// Path where registry clients get a token, for the token authentication of container registries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_flow: Option<String>,
}

impl RoutePrefix {
    /// A prefix with the dialect of its service.
    pub fn new() -> Self {
        Self::default()
    }

    /// A prefix whose paths and responses follow another standard.
    pub fn with_dialect(dialect: Dialect) -> Self {
        Self { dialect: Some(dialect), token_flow: None }
    }

    /// Enables token authentication, with tokens at this path.
    #[must_use]
    pub fn with_token_flow(mut self, path: &str) -> Self {
        self.token_flow = Some(path.to_owned());
        self
    }
}

/// Prefixes of a service, by first segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoutePrefixes(pub BTreeMap<String, RoutePrefix>);

impl RoutePrefixes {
    /// Collects the prefixes of a service, its own name and those declared by its routes, and writes them into its
    /// document.
    pub(crate) fn declare_in_document(document: &mut OpenApi, role: Role, usual: Dialect) -> Self {
        let mut prefixes = Self::read_declared(document);
        prefixes.0.entry(role.name().to_owned()).or_default();
        let mut written = prefixes.clone();
        for prefix in written.0.values_mut() {
            prefix.dialect.get_or_insert(usual);
        }
        written.write_to_document(document);
        prefixes
    }

    fn read_declared(document: &OpenApi) -> Self {
        let declared =
            document.extensions.as_ref().and_then(|extensions| extensions.get(PREFIXES_EXTENSION).cloned());
        declared.and_then(|declared| serde_json::from_value(declared).ok()).unwrap_or_default()
    }

    fn write_to_document(&self, document: &mut OpenApi) {
        let extensions = document.extensions.get_or_insert_with(Extensions::default);
        extensions.insert(PREFIXES_EXTENSION.to_owned(), serde_json::to_value(self).unwrap_or_default());
    }

    /// Lists the prefixes with the endpoints `healthz`, `metrics` and `openapi.json`.
    pub(crate) fn list_service_prefixes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, prefix)| prefix.dialect.is_none()).map(|(segment, _)| segment.as_str())
    }

    /// Finds the dialect of `path`; `usual` is the service's.
    pub(crate) fn find_dialect(&self, path: &str, usual: Dialect) -> Dialect {
        let segment = path.split('/').nth(1).unwrap_or_default();
        self.0.get(segment).and_then(|prefix| prefix.dialect).unwrap_or(usual)
    }
}

/// Declares prefixes of a service's routes. The service's own name is always one.
pub trait PrefixExt {
    /// Adds `segment` as a first segment of the service's paths.
    #[must_use]
    fn with_prefix(self, segment: &str, prefix: RoutePrefix) -> Self;
}

impl<S: Clone + Send + Sync + 'static> PrefixExt for OpenApiRouter<S> {
    fn with_prefix(mut self, segment: &str, prefix: RoutePrefix) -> Self {
        let document = self.get_openapi_mut();
        let mut prefixes = RoutePrefixes::read_declared(document);
        prefixes.0.insert(segment.to_owned(), prefix);
        prefixes.write_to_document(document);
        self
    }
}
