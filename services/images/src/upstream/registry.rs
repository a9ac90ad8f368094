//! An upstream registry, as the operator configured it.

use std::{collections::BTreeMap, fs};

use axum::http::Uri;
use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::{Error, ErrorKind, Result, Secret};

use super::{UpstreamName, UpstreamRepository, UpstreamSettings, settings::may_carry_password};

/// An upstream registry.
#[derive(Debug, Clone, Copy)]
pub struct Upstream<'a> {
    pub name: &'a UpstreamName,
    pub settings: &'a UpstreamSettings,
}

impl<'a> Upstream<'a> {
    /// Finds a configured upstream.
    pub fn find_configured(
        upstreams: &'a BTreeMap<UpstreamName, UpstreamSettings>,
        name: &UpstreamName,
    ) -> Result<Self> {
        let found = upstreams.get_key_value(name);
        found.map(|(name, settings)| Self { name, settings }).ok_or_else(|| {
            let names: Vec<&str> = upstreams.keys().map(UpstreamName::as_str).collect();
            let what = format!("this Hearth has no upstream registry {name}");
            Error::new(ErrorKind::NotFound, "name-unknown", what).help(match names.is_empty() {
                true => "ask an operator of this Hearth to add it to images.upstreams".to_owned(),
                false => format!("use one of {}", names.join(", ")),
            })
        })
    }

    /// Fails with `upstream-repository` (forbidden) for a repository that the operator does not allow.
    pub fn check_repository(&self, repository: &UpstreamRepository) -> Result<()> {
        let allowed = &self.settings.repositories;
        let allows = |allowed: &String| match allowed.ends_with('/') {
            true => repository.as_str().starts_with(allowed.as_str()),
            false => repository.as_str() == allowed,
        };
        if allowed.is_empty() || allowed.iter().any(allows) {
            return Ok(());
        }
        let what =
            format!("the repository {repository} of the upstream registry {} is not allowed", self.name);
        Err(Error::forbidden("upstream-repository", what).help(format!(
            "allowed are {}; ask an operator of this Hearth to add it to images.upstreams.{}.repositories",
            allowed.join(", "),
            self.name
        )))
    }

    /// Checks that the settings fit together.
    pub fn check_settings(&self) -> Result<()> {
        let UpstreamSettings { url, user, password_file, .. } = self.settings;
        let refuse = |what: &str| Error::invalid("config", format!("images.upstreams.{}: {what}", self.name));
        if user.is_some() != password_file.is_some() {
            return Err(refuse("user and password_file need each other").help("set both, or neither"));
        }
        if user.is_some() && !may_carry_password(url.as_uri()) {
            return Err(refuse("a password needs an encrypted connection").help("write an https URL"));
        }
        Ok(())
    }

    /// Builds the URL of a resource of a repository.
    pub fn build_url(&self, repository: &UpstreamRepository, resource: &str) -> Result<Uri> {
        let uri = self.settings.url.as_uri();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let scheme = uri.scheme_str().unwrap_or("https");
        let path = self.format_path(repository);
        format!("{scheme}://{authority}/v2/{path}/{resource}").parse().map_err(Error::internal)
    }

    /// Formats the name of a repository within the upstream.
    pub fn format_path(&self, repository: &UpstreamRepository) -> String {
        format!("{}{repository}", self.settings.url.repository_folder())
    }

    /// Formats the name of a repository as clients of this Hearth write it.
    pub fn format_name(&self, repository: &UpstreamRepository) -> String {
        format!("upstream/{}/{repository}", self.name)
    }

    /// Reads the credential for Basic authentication, without the word `Basic`; `None` without a user.
    pub fn read_credential(&self) -> Result<Option<Secret>> {
        let (Some(user), Some(file)) = (&self.settings.user, &self.settings.password_file) else {
            return Ok(None);
        };
        let text = fs::read_to_string(file).map_err(|cause| {
            let what = format!("the password of the upstream registry {} cannot be read", self.name);
            Error::unavailable("upstream-password", what)
                .help("ask an operator of this Hearth to look at the log")
                .with_cause(cause)
        })?;
        let password = text.lines().next().unwrap_or_default();
        Ok(Some(Secret::new(BASE64_STANDARD.encode(format!("{user}:{password}")))))
    }
}
