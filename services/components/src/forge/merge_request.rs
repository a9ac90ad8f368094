//! Merge requests (pull requests) in the payloads of forges. Only what selects a preview is read: numbers, ids, the target
//! branch and the commit. Titles, names and addresses of the source are left alone.
//!
//! | forge | number | action | fork |
//! |---|---|---|---|
//! | GitHub | `number` | `action`: `opened`, `reopened`, `synchronize`, `closed` | ids of `head.repo` and `base.repo` differ, or `head.repo` is null |
//! | Gitea, Forgejo | `number` | `action`: `opened`, `reopened`, `synchronized`, `closed` | the same |
//! | GitLab | `object_attributes.iid` | `object_attributes.action`: `open`, `reopen`, `update` with `oldrev`, `close`, `merge` | `source_project_id` and `target_project_id` differ |

use hearth_base::{Error, ErrorKind, PreviewNumber, Result, to_single_line};
use hearth_wire::components::ForgeKind;
use serde::Deserialize;

use super::{BRANCH_PREFIX, MAX_COMMIT_CHARACTERS, MAX_REF_BYTES};

/// Prefix and suffix of the ref of a merge request at GitHub, Gitea and Forgejo.
const PULL_REF_PARTS: (&str, &str) = ("refs/pull/", "/head");
/// Prefix and suffix of the ref of a merge request at GitLab.
const MERGE_REQUEST_REF_PARTS: (&str, &str) = ("refs/merge-requests/", "/head");

/// An event of a merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRequestEvent {
    /// Its number within the repository.
    pub number: PreviewNumber,
    pub action: MergeRequestAction,
    /// The name of the branch that it is for, without `refs/heads/`.
    pub target_branch: String,
    /// True unless the payload shows that its branch is one of the repository itself.
    pub is_fork: bool,
    /// The newest commit of its branch, in hexadecimal digits; may be empty.
    pub commit: String,
}

/// The change of a merge request that an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeRequestAction {
    /// It was opened or reopened, or has new commits.
    Update,
    /// It was closed or merged.
    Close,
    /// Its code is the same; the word of the forge on one line.
    Other(String),
}

/// Formats the ref with the newest commit of a merge request, which the repository itself has, also for a fork.
pub fn format_merge_request_ref(forge: ForgeKind, number: PreviewNumber) -> String {
    let (prefix, suffix) = match forge {
        ForgeKind::Github | ForgeKind::Gitea => PULL_REF_PARTS,
        ForgeKind::Gitlab => MERGE_REQUEST_REF_PARTS,
    };
    format!("{prefix}{number}{suffix}")
}

/// Finds the number of the merge request that has this ref; `None` for a branch or another ref.
pub fn find_merge_request(reference: &str) -> Option<PreviewNumber> {
    let find = |(prefix, suffix): (&str, &str)| {
        reference.strip_prefix(prefix)?.strip_suffix(suffix)?.parse::<PreviewNumber>().ok()
    };
    find(PULL_REF_PARTS).or_else(|| find(MERGE_REQUEST_REF_PARTS))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PullRequestPayload {
    action: Option<String>,
    number: Option<u64>,
    pull_request: Option<PullRequest>,
    repository: Option<PayloadId>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PullRequest {
    head: PullRequestSide,
    base: PullRequestSide,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PullRequestSide {
    #[serde(rename = "ref")]
    branch: Option<String>,
    sha: Option<String>,
    /// Null if the fork was deleted.
    repo: Option<PayloadId>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct PayloadId {
    id: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MergeRequestPayload {
    object_attributes: MergeRequestAttributes,
    project: PayloadId,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MergeRequestAttributes {
    iid: Option<u64>,
    action: Option<String>,
    /// The former newest commit, if there are new commits.
    oldrev: Option<String>,
    target_branch: Option<String>,
    source_project_id: Option<u64>,
    target_project_id: Option<u64>,
    last_commit: Option<PayloadCommitId>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PayloadCommitId {
    id: Option<String>,
}

/// Reads the merge request of a payload. Error `forge-payload` (unprocessable).
pub fn read_merge_request(forge: ForgeKind, body: &[u8]) -> Result<MergeRequestEvent> {
    match forge {
        ForgeKind::Github | ForgeKind::Gitea => read_pull_request(parse_payload(body)?),
        ForgeKind::Gitlab => read_gitlab_request(parse_payload(body)?),
    }
}

fn parse_payload<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body)
        .map_err(|cause| build_payload_error(&format!("it is not that of a merge request: {cause}")))
}

fn read_pull_request(payload: PullRequestPayload) -> Result<MergeRequestEvent> {
    let PullRequest { head, base } = payload.pull_request.unwrap_or_default();
    let [head_id, base_id] = [&head, &base].map(|side| side.repo.and_then(|repo| repo.id));
    let own_id = payload.repository.and_then(|repository| repository.id);
    check_same_repository(base_id, own_id)?;
    let action = match payload.action.as_deref().unwrap_or_default() {
        "opened" | "reopened" | "synchronize" | "synchronized" => MergeRequestAction::Update,
        "closed" => MergeRequestAction::Close,
        other => MergeRequestAction::Other(to_single_line(other, 60)),
    };
    build_event(payload.number, action, base.branch, head.sha, head_id.is_none() || head_id != base_id)
}

fn read_gitlab_request(payload: MergeRequestPayload) -> Result<MergeRequestEvent> {
    let attributes = payload.object_attributes;
    check_same_repository(attributes.target_project_id, payload.project.id)?;
    let action = match attributes.action.as_deref().unwrap_or_default() {
        "open" | "reopen" => MergeRequestAction::Update,
        "update" if attributes.oldrev.is_some() => MergeRequestAction::Update,
        "close" | "merge" => MergeRequestAction::Close,
        other => MergeRequestAction::Other(to_single_line(other, 60)),
    };
    let source = attributes.source_project_id;
    let is_fork = source.is_none() || source != attributes.target_project_id;
    let commit = attributes.last_commit.and_then(|commit| commit.id);
    build_event(attributes.iid, action, attributes.target_branch, commit, is_fork)
}

/// Checks that a merge request is for the repository that the delivery is about: its ref is fetched from there.
fn check_same_repository(target: Option<u64>, own: Option<u64>) -> Result<()> {
    if target.zip(own).is_some_and(|(target, own)| target != own) {
        return Err(build_payload_error("its merge request is for another repository"));
    }
    Ok(())
}

fn build_event(
    number: Option<u64>,
    action: MergeRequestAction,
    target_branch: Option<String>,
    commit: Option<String>,
    is_fork: bool,
) -> Result<MergeRequestEvent> {
    let number = number
        .and_then(|number| u32::try_from(number).ok())
        .and_then(|number| PreviewNumber::new(number).ok());
    let number = number.ok_or_else(|| {
        build_payload_error("it has no number of a merge request; expected 1 to 4294967295")
    })?;
    let target_branch = target_branch.unwrap_or_default();
    if target_branch.is_empty()
        || BRANCH_PREFIX.len() + target_branch.len() > MAX_REF_BYTES
        || target_branch.chars().any(|symbol| symbol.is_control() || symbol.is_whitespace())
    {
        let shown = to_single_line(&target_branch, 80);
        return Err(build_payload_error(&format!(
            "it names no branch that the merge request is for: {shown:?}"
        )));
    }
    let commit = commit.unwrap_or_default();
    if commit.len() > MAX_COMMIT_CHARACTERS || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(build_payload_error("it names no commit; expected hexadecimal digits"));
    }
    Ok(MergeRequestEvent { number, action, target_branch, is_fork, commit })
}

fn build_payload_error(problem: &str) -> Error {
    let what = to_single_line(&format!("invalid payload of a merge request: {problem}"), 200);
    Error::new(ErrorKind::Unprocessable, "forge-payload", what)
        .help("let the forge send the delivery again, or push another commit")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HEAD_COMMIT: &str = "4c3b1f0a9d8e7c6b5a4f3e2d1c0b9a8f7e6d5c4b";

    fn build_pull_request(action: &str) -> Value {
        json!({"action": action, "number": 7, "repository": {"id": 1},
            "pull_request": {"number": 7, "draft": true, "title": "x",
                "head": {"ref": "feature", "sha": HEAD_COMMIT, "repo": {"id": 1}},
                "base": {"ref": "main", "sha": "ab", "repo": {"id": 1}}}})
    }

    fn build_gitlab_request(action: &str) -> Value {
        json!({"object_kind": "merge_request", "project": {"id": 1},
            "object_attributes": {"iid": 7, "action": action, "target_branch": "main", "source_branch": "feature",
                "source_project_id": 1, "target_project_id": 1, "last_commit": {"id": HEAD_COMMIT}}})
    }

    fn read_payload(forge: ForgeKind, payload: &Value) -> Result<MergeRequestEvent> {
        read_merge_request(forge, payload.to_string().as_bytes())
    }

    #[test]
    fn actions_of_each_forge_open_change_and_close_a_merge_request() -> Result<()> {
        for (forge, word, expected) in [
            (ForgeKind::Github, "opened", MergeRequestAction::Update),
            (ForgeKind::Github, "reopened", MergeRequestAction::Update),
            (ForgeKind::Github, "synchronize", MergeRequestAction::Update),
            (ForgeKind::Github, "closed", MergeRequestAction::Close),
            (ForgeKind::Github, "labeled", MergeRequestAction::Other("labeled".to_owned())),
            (ForgeKind::Gitea, "synchronized", MergeRequestAction::Update),
            (ForgeKind::Gitea, "closed", MergeRequestAction::Close),
            (ForgeKind::Gitlab, "open", MergeRequestAction::Update),
            (ForgeKind::Gitlab, "reopen", MergeRequestAction::Update),
            (ForgeKind::Gitlab, "update", MergeRequestAction::Other("update".to_owned())),
            (ForgeKind::Gitlab, "close", MergeRequestAction::Close),
            (ForgeKind::Gitlab, "merge", MergeRequestAction::Close),
            (ForgeKind::Gitlab, "approved", MergeRequestAction::Other("approved".to_owned())),
        ] {
            let payload = match forge {
                ForgeKind::Gitlab => build_gitlab_request(word),
                _ => build_pull_request(word),
            };
            let expected = MergeRequestEvent {
                number: PreviewNumber::new(7)?,
                action: expected,
                target_branch: "main".to_owned(),
                is_fork: false,
                commit: HEAD_COMMIT.to_owned(),
            };
            assert_eq!(read_payload(forge, &payload)?, expected, "{forge:?} {word}");
        }
        let mut pushed = build_gitlab_request("update");
        pushed["object_attributes"]["oldrev"] = json!("ab12");
        assert_eq!(read_payload(ForgeKind::Gitlab, &pushed)?.action, MergeRequestAction::Update);
        Ok(())
    }

    #[test]
    fn merge_request_is_of_a_fork_unless_its_payload_shows_otherwise() -> Result<()> {
        let with_head = |repo: Value| {
            let mut payload = build_pull_request("opened");
            payload["pull_request"]["head"]["repo"] = repo;
            payload
        };
        for forge in [ForgeKind::Github, ForgeKind::Gitea] {
            for foreign in [json!({"id": 2}), json!({}), Value::Null, json!({"id": null})] {
                assert!(read_payload(forge, &with_head(foreign.clone()))?.is_fork, "{forge:?} {foreign}");
            }
        }
        for (field, value) in [
            ("source_project_id", json!(2)),
            ("source_project_id", Value::Null),
            ("target_project_id", Value::Null),
        ] {
            let mut payload = build_gitlab_request("open");
            payload["object_attributes"][field] = value;
            assert!(read_payload(ForgeKind::Gitlab, &payload)?.is_fork, "{payload}");
        }
        Ok(())
    }

    #[test]
    fn hostile_merge_request_is_refused() {
        let mut hostile = Vec::new();
        for (path, value) in [
            ("/number", json!(0)),
            ("/number", json!(4_294_967_296_u64)),
            ("/number", json!(-7)),
            ("/number", json!("7; rm -rf /")),
            ("/number", Value::Null),
            ("/pull_request/base/ref", json!("")),
            ("/pull_request/base/ref", json!("main branch")),
            ("/pull_request/base/ref", json!("main\u{7}")),
            ("/pull_request/base/ref", json!("x".repeat(300))),
            ("/pull_request/base/ref", json!(["main"])),
            ("/pull_request/head/sha", json!("--upload-pack=x")),
            ("/pull_request/head/sha", json!("a".repeat(65))),
            ("/pull_request/base/repo/id", json!(2)),
            ("/pull_request", json!("x")),
            ("/pull_request", Value::Null),
        ] {
            let mut payload = build_pull_request("opened");
            *payload.pointer_mut(path).unwrap() = value;
            hostile.extend([(ForgeKind::Github, payload.clone()), (ForgeKind::Gitea, payload)]);
        }
        for (path, value) in [
            ("/object_attributes/iid", json!(0)),
            ("/object_attributes/iid", json!("7")),
            ("/object_attributes/target_branch", json!("a\u{1b}[31m")),
            ("/object_attributes/last_commit/id", json!("$(id)")),
            ("/object_attributes/target_project_id", json!(9)),
            ("/object_attributes", json!([])),
        ] {
            let mut payload = build_gitlab_request("open");
            *payload.pointer_mut(path).unwrap() = value;
            hostile.push((ForgeKind::Gitlab, payload));
        }
        for (forge, payload) in hostile {
            let refused = read_payload(forge, &payload).unwrap_err();
            assert_eq!(refused.code(), "forge-payload", "{payload:.200}");
            assert!(!refused.public_message().contains(char::is_control), "{refused}");
        }
        let strange = read_payload(ForgeKind::Github, &build_pull_request("open\ned")).unwrap().action;
        assert!(matches!(strange, MergeRequestAction::Other(word) if !word.contains('\n')));
    }

    #[test]
    fn ref_of_a_merge_request_has_its_number() -> Result<()> {
        let number = PreviewNumber::new(7)?;
        for (forge, reference) in [
            (ForgeKind::Github, "refs/pull/7/head"),
            (ForgeKind::Gitea, "refs/pull/7/head"),
            (ForgeKind::Gitlab, "refs/merge-requests/7/head"),
        ] {
            assert_eq!(format_merge_request_ref(forge, number), reference);
            assert_eq!(find_merge_request(reference), Some(number));
        }
        for other in [
            "refs/heads/main",
            "refs/pull/07/head",
            "refs/pull/0/head",
            "refs/pull/7/merge",
            "pull/7/head",
            "",
        ] {
            assert_eq!(find_merge_request(other), None, "{other}");
        }
        Ok(())
    }
}
