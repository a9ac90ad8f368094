//! Payloads of forges. Only signed ones are parsed.

use hearth_base::{Error, ErrorKind, Result, to_single_line};
use hearth_wire::components::ForgeKind;
use serde::Deserialize;

use super::{
    BRANCH_PREFIX, MAX_COMMIT_CHARACTERS, MAX_REF_BYTES,
    merge_request::{MergeRequestEvent, read_merge_request},
};

/// The number of commits from which on GitHub's list may be cut.
const GITHUB_MAX_COMMITS: usize = 2048;

/// An event of a forge.
#[derive(Debug, Clone)]
pub enum ForgeEvent {
    /// A push.
    Push(PushEvent),
    /// An event of a merge request.
    MergeRequest {
        /// Addresses of the repository; may be empty.
        repositories: Vec<String>,
        /// The merge request, or the error about its payload: a link without previews ignores it in any case.
        request: Result<MergeRequestEvent>,
    },
    /// An event that deploys nothing, with the reason.
    Ignored {
        /// Addresses of the repository that the payload names; may be empty.
        repositories: Vec<String>,
        /// Reason, as a sentence.
        reason: String,
    },
}

/// A push to one ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushEvent {
    /// Addresses of the repository.
    pub repositories: Vec<String>,
    /// The ref, as in `refs/heads/main`.
    pub reference: String,
    /// The newest commit after the push; all zeros if the ref was deleted.
    pub commit: String,
    /// True if the ref was deleted.
    pub is_deletion: bool,
    /// The changed files; `None` if the payload does not name all of them.
    pub changed_files: Option<Vec<String>>,
}

impl PushEvent {
    /// The name of the branch; `None` for another ref.
    pub fn find_branch(&self) -> Option<&str> {
        self.reference.strip_prefix(BRANCH_PREFIX).filter(|branch| !branch.is_empty())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    #[serde(rename = "ref")]
    reference: Option<String>,
    after: Option<String>,
    deleted: Option<bool>,
    forced: Option<bool>,
    created: Option<bool>,
    commits: Option<Vec<PayloadCommit>>,
    /// Number of commits, of Gitea and Forgejo.
    total_commits: Option<u64>,
    /// Number of commits, of GitLab.
    total_commits_count: Option<u64>,
    repository: Option<PayloadRepository>,
    project: Option<PayloadRepository>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PayloadCommit {
    added: Option<Vec<String>>,
    modified: Option<Vec<String>>,
    removed: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PayloadRepository {
    clone_url: Option<String>,
    html_url: Option<String>,
    git_http_url: Option<String>,
    web_url: Option<String>,
}

/// Parses the payload of an event. Error `forge-payload` (unprocessable).
pub fn parse_event(forge: ForgeKind, event: &str, body: &[u8]) -> Result<ForgeEvent> {
    let payload: Payload = serde_json::from_slice(body).map_err(|cause| {
        let what = format!("the payload is not the JSON of an event: {cause}");
        Error::new(ErrorKind::Unprocessable, "forge-payload", to_single_line(&what, 200))
            .help("set the content type of the webhook to application/json")
    })?;
    let repositories = list_addresses(&payload);
    let kind = classify_event(forge, event);
    let reason = match kind {
        EventKind::Push => return read_push(forge, payload, repositories).map(ForgeEvent::Push),
        EventKind::Ping => "the webhook works; pushes will deploy".to_owned(),
        EventKind::Tag => "tags deploy nothing".to_owned(),
        EventKind::MergeRequest => {
            return Ok(ForgeEvent::MergeRequest { repositories, request: read_merge_request(forge, body) });
        }
        EventKind::Other => format!("the event {:?} deploys nothing", to_single_line(event, 60)),
    };
    Ok(ForgeEvent::Ignored { repositories, reason })
}

enum EventKind {
    Push,
    Ping,
    Tag,
    MergeRequest,
    Other,
}

fn classify_event(forge: ForgeKind, event: &str) -> EventKind {
    match (forge, event) {
        (ForgeKind::Github | ForgeKind::Gitea, "push") | (ForgeKind::Gitlab, "Push Hook") => EventKind::Push,
        (ForgeKind::Github | ForgeKind::Gitea, "ping") => EventKind::Ping,
        (ForgeKind::Gitlab, "Tag Push Hook") => EventKind::Tag,
        (ForgeKind::Github | ForgeKind::Gitea, "pull_request")
        | (ForgeKind::Gitea, "pull_request_sync")
        | (ForgeKind::Gitlab, "Merge Request Hook") => EventKind::MergeRequest,
        _ => EventKind::Other,
    }
}

fn read_push(forge: ForgeKind, payload: Payload, repositories: Vec<String>) -> Result<PushEvent> {
    let refuse = |what: &str| Error::new(ErrorKind::Unprocessable, "forge-payload", what.to_owned());
    let reference = payload.reference.clone().unwrap_or_default();
    if !reference.starts_with("refs/")
        || reference.len() > MAX_REF_BYTES
        || reference.chars().any(|symbol| symbol.is_control() || symbol.is_whitespace())
    {
        let what = format!("the push names no ref that can be built: {:?}", to_single_line(&reference, 80));
        return Err(refuse(&what));
    }
    let commit = payload.after.clone().unwrap_or_default();
    if commit.len() > MAX_COMMIT_CHARACTERS || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(refuse("the push names no commit in the field after; expected hexadecimal digits"));
    }
    let is_zero = !commit.is_empty() && commit.bytes().all(|byte| byte == b'0');
    let is_deletion = payload.deleted == Some(true) || is_zero;
    let changed_files = list_changed_files(forge, payload);
    Ok(PushEvent { repositories, reference, commit, is_deletion, changed_files })
}

/// Lists the changed files, if the payload names all of them: lists of commits are cut, and a forced push or a new branch
/// also brings or loses commits that are not in the list.
fn list_changed_files(forge: ForgeKind, payload: Payload) -> Option<Vec<String>> {
    let commits = payload.commits?;
    let listed = commits.len();
    let total = payload.total_commits.or(payload.total_commits_count);
    let may_be_cut = match forge {
        ForgeKind::Github => listed >= GITHUB_MAX_COMMITS,
        ForgeKind::Gitea | ForgeKind::Gitlab => {
            total.is_none_or(|total| usize::try_from(total).map_or(true, |total| total > listed))
        }
    };
    if listed == 0 || may_be_cut || payload.forced == Some(true) || payload.created == Some(true) {
        return None;
    }
    let mut files = Vec::new();
    for PayloadCommit { added, modified, removed } in commits {
        // A commit without its lists is one whose files are not known.
        if added.is_none() && modified.is_none() && removed.is_none() {
            return None;
        }
        files.extend([added, modified, removed].into_iter().flatten().flatten());
    }
    Some(files)
}

fn list_addresses(payload: &Payload) -> Vec<String> {
    let objects = [payload.repository.as_ref(), payload.project.as_ref()];
    let addresses = objects.into_iter().flatten().flat_map(|found| {
        let PayloadRepository { clone_url, html_url, git_http_url, web_url } = found;
        [clone_url, html_url, git_http_url, web_url].into_iter().flatten().cloned()
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse_push(forge: ForgeKind, payload: &serde_json::Value) -> PushEvent {
        let event = if forge == ForgeKind::Gitlab { "Push Hook" } else { "push" };
        let read = parse_event(forge, event, payload.to_string().as_bytes()).unwrap();
        let ForgeEvent::Push(push) = read else { unreachable!("a push is read as a push") };
        push
    }

    #[test]
    fn changed_files_are_known_only_if_the_payload_names_all() {
        let commit = json!({"added": ["a"], "modified": ["b/c"], "removed": []});
        let base = json!({"ref": "refs/heads/main", "after": "ab12", "commits": [commit]});
        let with = |field: &str, value: serde_json::Value| {
            let mut payload = base.clone();
            payload[field] = value;
            payload
        };
        let files = |forge, payload: &serde_json::Value| parse_push(forge, payload).changed_files;
        let all = Some(vec!["a".to_owned(), "b/c".to_owned()]);
        assert_eq!(files(ForgeKind::Github, &base), all);
        assert_eq!(files(ForgeKind::Gitea, &with("total_commits", json!(1))), all);
        assert_eq!(files(ForgeKind::Gitlab, &with("total_commits_count", json!(1))), all);
        for (forge, unknown) in [
            (ForgeKind::Github, with("forced", json!(true))),
            (ForgeKind::Github, with("created", json!(true))),
            (ForgeKind::Github, with("commits", json!([]))),
            (ForgeKind::Github, with("commits", json!([{}]))),
            (ForgeKind::Gitea, with("total_commits", json!(31))),
            (ForgeKind::Gitlab, with("total_commits_count", json!(21))),
            (ForgeKind::Gitlab, base.clone()),
        ] {
            assert_eq!(files(forge, &unknown), None, "{forge:?} {unknown}");
        }
    }

    #[test]
    fn hostile_payload_is_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for payload in [
            "",
            "payload=%7B%7D",
            "[]",
            "null",
            &*deep,
            r#"{"ref": 7}"#,
            r#"{"ref": "refs/heads/main", "after": "--upload-pack=x"}"#,
            r#"{"ref": "main", "after": "ab"}"#,
            r#"{"ref": "refs/heads/a b", "after": "ab"}"#,
            r#"{"ref": "refs/heads/a\u0007", "after": "ab"}"#,
        ] {
            let refused = parse_event(ForgeKind::Github, "push", payload.as_bytes()).unwrap_err();
            assert_eq!(refused.code(), "forge-payload", "{payload:.60}");
            assert!(!refused.public_message().contains(char::is_control), "{refused}");
        }
        let long = json!({"ref": format!("refs/heads/{}", "x".repeat(300)), "after": "ab"}).to_string();
        assert!(parse_event(ForgeKind::Github, "push", long.as_bytes()).is_err());
    }

    #[test]
    fn deleted_branch_is_recognized() {
        let zeros = "0".repeat(40);
        let payload = json!({"ref": "refs/heads/old", "after": zeros});
        for forge in [ForgeKind::Github, ForgeKind::Gitlab, ForgeKind::Gitea] {
            assert!(parse_push(forge, &payload).is_deletion, "{forge:?}");
        }
    }
}
