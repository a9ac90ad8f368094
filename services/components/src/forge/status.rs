//! Requests that set the status of a commit at a forge.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use hearth_base::{Error, Result, Secret, to_single_line};
use hearth_wire::components::ForgeKind;
use serde_json::json;

use super::address::{RepositoryPlace, parse_repository};

/// The maximum length of a description: that of GitHub, in characters.
const MAX_DESCRIPTION_CHARACTERS: usize = 140;

/// State of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitState {
    /// The commit is being deployed.
    Pending,
    /// The commit runs.
    Success,
    /// The deployment failed.
    Failure,
    /// The deployment was cancelled.
    Cancelled,
}

/// A request that sets a status.
#[derive(Debug)]
pub struct StatusRequest {
    /// Address.
    pub address: Uri,
    /// Headers, with the token.
    pub headers: HeaderMap,
    /// JSON document.
    pub body: String,
}

/// Builds the request that sets the status of a commit. `name` is what the forge shows beside it, `link` the address of the
/// deployment.
pub fn build_status_request(
    forge: ForgeKind,
    repository: &str,
    commit: &str,
    (state, name, description, link): (CommitState, &str, &str, Option<&str>),
    token: &Secret,
) -> Result<StatusRequest> {
    let RepositoryPlace { origin, path } = parse_repository(repository)?;
    let address = match forge {
        ForgeKind::Github if origin == "https://github.com" => {
            format!("https://api.github.com/repos/{path}/statuses/{commit}")
        }
        ForgeKind::Github => format!("{origin}/api/v3/repos/{path}/statuses/{commit}"),
        ForgeKind::Gitea => format!("{origin}/api/v1/repos/{path}/statuses/{commit}"),
        ForgeKind::Gitlab => {
            format!("{origin}/api/v4/projects/{}/statuses/{commit}", path.replace('/', "%2F"))
        }
    };
    let word = match (forge, state) {
        (_, CommitState::Pending) => "pending",
        (_, CommitState::Success) => "success",
        (ForgeKind::Gitlab, CommitState::Failure) => "failed",
        (ForgeKind::Gitlab, CommitState::Cancelled) => "canceled",
        (_, CommitState::Failure) => "failure",
        (_, CommitState::Cancelled) => "error",
    };
    let description = to_single_line(description, MAX_DESCRIPTION_CHARACTERS);
    let name_field = if forge == ForgeKind::Gitlab { "name" } else { "context" };
    let mut body = json!({"state": word, "description": description, name_field: name});
    if let Some(link) = link {
        body["target_url"] = json!(link);
    }
    let (header_name, value) = match forge {
        ForgeKind::Github => (header::AUTHORIZATION, format!("Bearer {}", token.expose_secret())),
        ForgeKind::Gitea => (header::AUTHORIZATION, format!("token {}", token.expose_secret())),
        ForgeKind::Gitlab => (HeaderName::from_static("private-token"), token.expose_secret().to_owned()),
    };
    let mut value = HeaderValue::try_from(value).map_err(|_| Error::internal("a token is no header"))?;
    value.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(header_name, value);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    Ok(StatusRequest { address: address.parse().map_err(Error::internal)?, headers, body: body.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_has_the_form_of_its_forge() -> Result<()> {
        let build = |forge, repository, state| {
            let shown = (state, "hearth/hello", "it runs", Some("https://hearth.example/d"));
            build_status_request(forge, repository, "ab12", shown, &Secret::new("t0ken"))
        };
        for (forge, repository, address, name, value, state, word) in [
            (
                ForgeKind::Github,
                "https://github.com/ada/x.git",
                "https://api.github.com/repos/ada/x/statuses/ab12",
                "authorization",
                "Bearer t0ken",
                CommitState::Failure,
                "failure",
            ),
            (
                ForgeKind::Github,
                "https://ghe.example/ada/x",
                "https://ghe.example/api/v3/repos/ada/x/statuses/ab12",
                "authorization",
                "Bearer t0ken",
                CommitState::Cancelled,
                "error",
            ),
            (
                ForgeKind::Gitea,
                "https://codeberg.org/ada/x",
                "https://codeberg.org/api/v1/repos/ada/x/statuses/ab12",
                "authorization",
                "token t0ken",
                CommitState::Success,
                "success",
            ),
            (
                ForgeKind::Gitlab,
                "https://gitlab.com/group/sub/x.git",
                "https://gitlab.com/api/v4/projects/group%2Fsub%2Fx/statuses/ab12",
                "private-token",
                "t0ken",
                CommitState::Cancelled,
                "canceled",
            ),
        ] {
            let request = build(forge, repository, state)?;
            assert_eq!(request.address.to_string(), address);
            assert_eq!(request.headers[name].to_str().unwrap(), value);
            assert!(!format!("{request:?}").contains("t0ken"), "a token is not printed");
            let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(
                (&body["state"], &body["target_url"]),
                (&json!(word), &json!("https://hearth.example/d"))
            );
        }
        Ok(())
    }
}
