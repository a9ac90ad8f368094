//! `--dry-run` of every changing command: the server receives only reads, and no file changes.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    fake_server::{self, PreparedAnswers},
    home::Home,
};

const WEBHOOK_ID: &str = "webhook_00000000000000000000000001";

const LINK_ID: &str = "link_00000000000000000000000001";

const TOKEN_ID: &str = "token_00000000000000000000000001";

const ENVIRONMENTS_JSON: &str = r#"{"data": {"environments": [
    {"name": "staging", "url": "http://dup-finder--staging.localhost", "status": "running", "jobs": ["web--staging"]}
    ]}, "messages": {}}"#;

/// Every changing command, as typed.
const CHANGING_COMMANDS: [&[&str]; 85] = [
    &["admin", "builders", "suspend", "4f2c"],
    &["admin", "builders", "return", "4f2c"],
    &["admin", "queue", "retry", "notify", "mail", "mail_1"],
    &["admin", "queue", "discard", "notify", "mail", "mail_1"],
    &["new", "other"],
    &["login", "--name", "alice", "--password-stdin"],
    &["logout"],
    &["logout", "--local"],
    &["deploy"],
    &["deploy", "https://example.org/dup.git"],
    &["deploy", "sub", "--new", "other"],
    &["deploy", "--config", "components.yaml"],
    &["deploy", "--stored"],
    &["apply", "--config", "components.yaml"],
    &["config", "set", "tool", "other"],
    &["deployment", "create"],
    &["deployment", "delete", "deployment_00000000000000000000000003"],
    &["components", "config", "create", "components.yaml"],
    &["components", "config", "delete"],
    &["components", "deploy-token", "create"],
    &["components", "deploy-token", "refresh"],
    &["tool", "delete", "dup-finder"],
    &["tool", "members", "set", "bob", "viewer"],
    &["tool", "members", "remove", "bob"],
    &["tool", "accept", "other"],
    &["tool", "leave", "other"],
    &["invite", "bob"],
    &["invite", "withdraw", TOKEN_ID],
    &["users", "disable", "bob"],
    &["users", "enable", "bob"],
    &["users", "promote", "bob"],
    &["users", "demote", "bob"],
    &["users", "recover", "bob"],
    &["token", "create", "ci", "--days", "90"],
    &["token", "revoke", TOKEN_ID],
    &["token", "revoke", TOKEN_ID, "--personal"],
    &["token", "claim", TOKEN_ID],
    &["password", "--forgot", "alice"],
    &["notify", "email", "--code", "ABCD-EFGH-JKLM"],
    &["tool", "kubeconfig", "--output", "config"],
    &["tool", "kubeconfig"],
    &["tool", "quota", "--set", "memory=16Gi"],
    &["jobs", "run", "new", "--image", "x", "--command", "y"],
    &["jobs", "run", "--rm", "-i", "--image", "x"],
    &["jobs", "restart", "web"],
    &["jobs", "stop", "web"],
    &["jobs", "scale", "web", "2"],
    &["jobs", "pause", "tidy"],
    &["jobs", "resume", "late"],
    &["jobs", "delete", "web"],
    &["jobs", "flush"],
    &["jobs", "load", "jobs.yaml", "--prune"],
    &["jobs", "dump", "--to-file", "dump.yaml"],
    &["envvars", "create", "FRESH"],
    &["envvars", "delete", "API_KEY"],
    &["envvars", "import", "new.env", "--prune", "--restart"],
    &["envvars", "export", "out.env"],
    &["notify", "email", "alice@example.org", "--password-stdin"],
    &["notify", "email", "--remove", "--password-stdin"],
    &["notify", "off"],
    &["notify", "on", "--tool", "quiet"],
    &["repository", "link", "https://github.com/ada/dup-finder"],
    &["repository", "change", LINK_ID, "--branch", "develop"],
    &["repository", "rotate", LINK_ID],
    &["repository", "unlink", LINK_ID],
    &["webhooks", "create", "https://example.org/hook"],
    &["webhooks", "change", WEBHOOK_ID, "--off"],
    &["webhooks", "test", WEBHOOK_ID],
    &["webhooks", "rotate", WEBHOOK_ID],
    &["webhooks", "delete", WEBHOOK_ID],
    &["build", "start", "https://example.org/dup.git"],
    &["build", "start", "."],
    &["build", "reproduce", "build_00000000000000000000000001"],
    &["build", "cancel", "build_00000000000000000000000001"],
    &["build", "delete", "--all"],
    &["build", "clean"],
    &["webservice", "python3.11", "start"],
    &["webservice", "python3.11", "shell"],
    &["webservice", "restart"],
    &["webservice", "stop"],
    &["request", "create", "package-source", "pgdg", "--reason", "libpq17"],
    &["request", "create", "quota", "--set", "memory=16Gi", "--reason", "index"],
    &["man", "--dir", "pages"],
    // Both need root and a local Hearth, so the test only sees that they change nothing.
    &["up", "--state", "state"],
    &["down", "--state", "state"],
];

/// Commands that are not tried: `exec` only starts a program, and `hearth` alone only reads; `build sbom` writes a file
/// only after it has verified a signed document, which the fake server does not have.
const EXEMPT_COMMANDS: [&str; 3] = ["", "exec", "build sbom"];

/// The answer to an import with one new variable.
const IMPORT_CHANGES_JSON: &str = r#"{"changes": {"created": ["FRESH"], "changed": [], "unchanged": [], "deleted": []},
    "messages": {}}"#;

/// A linked repository.
const LINK_JSON: &str = r#"{"data": {"id": "link_00000000000000000000000001", "forge": "github",
    "repository": "https://github.com/ada/dup-finder", "branches": ["main"], "paths": [], "owner": "ada",
    "suspended": false, "webhook_url": "https://hearth.example/components/v1/forge-webhooks/link_1",
    "has_status_token": false, "created": "2026-01-02T03:04:05Z"}, "messages": {}}"#;

/// Two revisions with different images.
const REVISIONS_JSON: &str = r#"{"data": {"revisions": [
    {"number": 2, "deployment": "deployment_00000000000000000000000002", "created": "2026-01-02T03:04:05Z",
     "by": "user alice", "description": "", "source": {"image": "b"}, "resolved_ref": "", "image": "b",
     "component": "web", "command": "web", "port": 8000, "publish": true, "kept": true},
    {"number": 1, "deployment": "deployment_00000000000000000000000001", "created": "2026-01-02T03:04:05Z",
     "by": "user alice", "description": "", "source": {"image": "a"}, "resolved_ref": "", "image": "a",
     "component": "web", "command": "web", "port": 8000, "publish": true, "kept": true}]}, "messages": {}}"#;

/// A deployment that has not ended.
const RUNNING_DEPLOYMENT_JSON: &str = r#"{"data": {"deploy_id": "deployment_00000000000000000000000003",
    "creation_time": "2026-01-02T03:04:05Z", "description": "", "by": "user alice", "source": {"image": "b"},
    "builds": {}, "runs": {}, "status": "running", "long_status": "", "force_build": false, "force_run": false,
    "steps": [], "version": 1}, "messages": {}}"#;

/// An open request for a package source.
const REQUEST_JSON: &str = r#"{"data": {"id": "request_00000000000000000000000001", "tool": "dup-finder",
    "kind": "package-source", "author": "user alice", "reason": "libpq17", "package_source": {"name": "pgdg"},
    "state": "open", "created": "2026-01-02T03:04:05Z"}, "messages": {}}"#;

/// A credential for a private repository.
const SOURCE_CREDENTIALS_JSON: &str = r#"{"source_credentials": [{"id": "credential_00000000000000000000000001",
    "address": "https://git.example.org/ada/secret", "username": "oauth2", "created": "2026-01-02T03:04:05Z"}],
    "messages": {}}"#;

/// A stored configuration.
const CONFIG_JSON: &str = r#"{"data": {"config_version": "v1beta1", "components": {}}, "messages": {}}"#;

/// A plan with a change.
const PLAN_JSON: &str = r#"{"data": {"components": [{"name": "web", "action": "create", "image": "x", "needs_build": false,
    "changes": []}]}, "messages": {}}"#;

/// A file of the home.
const FILE_JSON: &str = r#"{"data": {"entry": {"name": "old.csv", "kind": "file", "size": 3, "mode": "644",
    "modified": "2026-01-02T03:04:05Z"}, "entries": [], "truncated": false}, "messages": {}}"#;

fn build_home() -> Home {
    let tool = r#"{"id": "tool_00000000000000000000000001", "name": "dup-finder", "description": "",
        "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"}"#;
    let job = r#"{"name": "web", "job_type": "webservice", "imagename": "x", "image": "x", "image_state": "stable",
        "cmd": "web", "status_short": "Running", "status_long": "Running", "port": 8000, "publish": "/",
        "status": {"short": "running", "messages": [], "duration": "2d", "up_to_date": true}}"#;
    let scheduled = |name: &str, paused: &str| {
        format!(
            r#"{{"job": {{"name": "{name}", "job_type": "scheduled", "imagename": "x", "image": "x",
            "image_state": "stable", "cmd": "y", "status_short": "Waiting", "status_long": "Waiting",
            "schedule": "@daily", "status": {{"short": "pending", "messages": [], "duration": "2d",
            "up_to_date": true{paused}}}}}, "messages": {{}}}}"#
        )
    };
    let build = r#"{"build_id": "build_00000000000000000000000001", "status": "BUILD_SUCCESS", "message": "",
        "start_time": "", "end_time": "", "parameters": {"source_url": "", "ref": "", "envvars": {},
        "image_name": "", "use_latest_versions": false, "use_deprecated_versions": false},
        "destination_image": "", "resolved_ref": "", "step": "done", "processes": {},
        "created": "2026-01-02T03:04:00Z"}"#;
    let bob = r#"{"user": "bob", "role": "maintainer", "since": "2026-01-02T03:04:05Z"}"#;
    let me = r#"{"data": {"kind": "user", "name": "alice", "operator": false, "scopes": ["*:own"],
        "credential": {"by": "personal-token", "id": "token_00000000000000000000000001"}}}"#;
    let mail = |off: bool| {
        format!(
            r#"{{"data": {{"sends": true, "off": {off}, "recipients": [], "waiting": 0, "events": ["deployment.failed"],
            "available_events": ["deployment.failed", "build.failed"], "default_events": ["deployment.failed"]}},
            "messages": {{}}}}"#
        )
    };
    let webhook = format!(
        r#"{{"data": {{"id": "{WEBHOOK_ID}", "url": "https://example.org/hook", "events": [], "enabled": true,
        "created": "2026-01-02T03:04:05Z"}}, "messages": {{}}}}"#
    );
    let item = r#"{"data": {"task": "mail", "key": "mail_1", "state": "dead", "payload": null,
        "enqueued_at": "2026-01-02T03:04:05Z", "failures": 10}}"#;
    let builders = r#"{"builders": [{"id": "4f2c", "labels": [], "slots": 2, "running": 0, "state": "active",
        "last_seen": "2026-01-02T03:04:05Z", "failures": 0}], "messages": {}}"#;
    let outside_builders = r#"{"builders": [{"name": "ci", "url": "https://ci.example.org/hearth", "shared": true,
        "falls_back": false, "created": "2026-01-02T03:04:05Z"}], "messages": {}}"#;
    let package_source = r#"{"package_source": {"name": "pgdg", "file": "Types: deb", "key": "", "access": "granted",
        "overrides_debian": false, "granted": 1, "created": "2026-01-02T03:04:05Z",
        "updated": "2026-01-02T03:04:05Z"}, "messages": {}}"#;
    let tool_package_sources = r#"{"package_sources": [{"name": "pgdg", "uris": ["https://apt.example.org/"],
        "overrides_debian": false}], "messages": {}}"#;
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("GET /builds/v1/outside-builders", (200, outside_builders.to_owned())),
        (
            "GET /builds/v1/tool/dup-finder/builders",
            (200, outside_builders.replace("\"shared\": true", "\"shared\": false")),
        ),
        ("GET /builds/v1/tool/dup-finder/source-credentials", (200, SOURCE_CREDENTIALS_JSON.to_owned())),
        ("GET /builds/v1/package-sources/pgdg", (200, package_source.to_owned())),
        ("GET /builds/v1/tool/dup-finder/package-sources", (200, tool_package_sources.to_owned())),
        ("GET /accounts/v1/requests/request_00000000000000000000000001", (200, REQUEST_JSON.to_owned())),
        (
            "GET /tools/v1/tool/dup-finder/requests/request_00000000000000000000000001",
            (200, REQUEST_JSON.to_owned()),
        ),
        ("GET /accounts/v1/me", (200, me.to_owned())),
        (
            "GET /accounts/v1/me/email",
            (200, r#"{"data": {"address": "me@example.org"}, "messages": {}}"#.to_owned()),
        ),
        ("GET /builds/v1/builders", (200, builders.to_owned())),
        ("GET /notify/v1/queue/mail/mail_1", (200, item.to_owned())),
        ("GET /notify/v1/tool/dup-finder/mail", (200, mail(false))),
        ("GET /notify/v1/tool/quiet/mail", (200, mail(true))),
        ("GET /notify/v1/tool/dup-finder/webhooks/webhook_00000000000000000000000001", (200, webhook)),
        (
            "GET /components/v1/tool/dup-finder/repository-links/link_00000000000000000000000001",
            (200, LINK_JSON.to_owned()),
        ),
        ("GET /tools/v1/tool/other", (403, fake_server::FORBIDDEN_JSON.to_owned())),
        ("GET /tools/v1/tool/dup-finder", (200, format!(r#"{{"data": {tool}}}"#))),
        ("GET /tools/v1/tool/dup-finder/members", (200, format!(r#"{{"data": {{"items": [{bob}]}}}}"#))),
        ("GET /tools/v1/tool/dup-finder/quota", (200, fake_server::QUOTA_JSON.to_owned())),
        ("GET /tools/v1/tool/dup-finder/tokens", (200, r#"{"data": {"items": []}}"#.to_owned())),
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, format!(r#"{{"jobs": [{job}], "messages": {{}}}}"#))),
        ("GET /jobs/v1/tool/dup-finder/jobs/web", (200, format!(r#"{{"job": {job}, "messages": {{}}}}"#))),
        ("GET /jobs/v1/tool/dup-finder/jobs/tidy", (200, scheduled("tidy", ""))),
        (
            "GET /jobs/v1/tool/dup-finder/jobs/late",
            (200, scheduled("late", r#", "paused": "2026-01-02T03:04:05Z""#)),
        ),
        ("GET /envvars/v1/tool/dup-finder/envvars", (200, r#"{"envvars": [], "messages": {}}"#.to_owned())),
        (
            "GET /envvars/v1/tool/dup-finder/envvars/API_KEY",
            (200, r#"{"envvar": {"name": "API_KEY", "value": "s3cret"}, "messages": {}}"#.to_owned()),
        ),
        ("GET /components/v1/tool/dup-finder/revisions", (200, REVISIONS_JSON.to_owned())),
        ("GET /components/v1/tool/dup-finder/deployment/latest", (200, RUNNING_DEPLOYMENT_JSON.to_owned())),
        (
            "GET /components/v1/tool/dup-finder/deployment/deployment_00000000000000000000000003",
            (200, RUNNING_DEPLOYMENT_JSON.to_owned()),
        ),
        (
            "GET /components/v1/tool/dup-finder/deployment/deployment_00000000000000000000000001",
            (200, RUNNING_DEPLOYMENT_JSON.to_owned()),
        ),
        ("GET /components/v1/tool/dup-finder/environments", (200, ENVIRONMENTS_JSON.to_owned())),
        ("GET /components/v1/tool/dup-finder/config", (200, CONFIG_JSON.to_owned())),
        ("POST /components/v1/tool/dup-finder/plan", (200, PLAN_JSON.to_owned())),
        ("GET /storage/v1/tool/dup-finder/volumes/home/files", (200, FILE_JSON.to_owned())),
        ("PATCH /envvars/v1/tool/dup-finder/envvars", (200, IMPORT_CHANGES_JSON.to_owned())),
        (
            "GET /builds/v1/tool/dup-finder/builds",
            (200, format!(r#"{{"builds": [{build}], "messages": {{}}}}"#)),
        ),
        (
            "GET /builds/v1/tool/dup-finder/builds/build_00000000000000000000000001",
            (200, format!(r#"{{"build": {build}, "messages": {{}}}}"#)),
        ),
    ]));
    home.write("dup-finder/index.html", "<h1>hello</h1>");
    home.write("dup-finder/sub/index.html", "<h1>hello</h1>");
    home.write("dup-finder/data.csv", "1,2\n");
    home.write("dup-finder/new.env", "FRESH=1\n");
    home.write("dup-finder/components.yaml", "components: {web: {}, worker: {}}\n");
    home.write(
        "dup-finder/pgdg.sources",
        "Types: deb\nURIs: https://apt.example.org/\nSuites: bookworm\nComponents: main\n",
    );
    home.write(
        "dup-finder/pgdg.asc",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n",
    );
    home.write("dup-finder/jobs.yaml", "- {name: new, image: python3.11, command: ./new.sh}\n");
    home
}

/// Reads all files and folders below `folder` with their content.
fn read_files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(read_files(&path));
        }
        found.insert(path.display().to_string(), fs::read(&path).unwrap_or_default());
    }
    found
}

/// Runs the command with `last` appended. Returns its transcript, and the changing requests and changed
/// files.
fn collect_changes(words: &[&str], last: &str) -> (String, Vec<String>) {
    let home = build_home();
    // `hearth new` needs a folder without a link.
    if words[0] == "new" {
        fs::remove_file(home.path_below("dup-finder/hearth.yaml")).expect("the link file exists");
    }
    let before = read_files(&home.path_below(""));
    let transcript = home.run_with_input(&[words, &[last]].concat(), "value\n");
    let mut changed = home.read_requests();
    // Reads, plans and server-side dry runs are no changes.
    let is_change = |request: &str| {
        !request.starts_with("GET ")
            && !request.starts_with("POST /components/v1/tool/dup-finder/plan")
            && !request.contains(r#""dry_run":true"#)
    };
    changed.retain(|request| is_change(request));
    let after = read_files(&home.path_below(""));
    changed.extend(after.iter().filter(|file| before.get(file.0) != Some(file.1)).map(|file| file.0.clone()));
    changed.extend(before.into_keys().filter(|file| !after.contains_key(file)));
    (transcript, changed)
}

#[test]
fn dry_run_reports_and_changes_nothing() {
    for words in CHANGING_COMMANDS {
        let (transcript, changed) = collect_changes(words, "--dry-run");
        assert!(changed.is_empty(), "{words:?} changed {changed:?}\n{transcript}");
        if !matches!(words[0], "up" | "down") {
            assert!(
                transcript.contains("would") && transcript.ends_with("ends with 0\n"),
                "{words:?}\n{transcript}"
            );
            let (transcript, changed) = collect_changes(words, "--yes");
            assert!(!changed.is_empty(), "{words:?} is no change\n{transcript}");
        }
    }
}

/// Reads the words of a command's example from its help.
fn read_example(home: &Home, command: &str) -> Vec<String> {
    let words: Vec<&str> = command.split_whitespace().chain(["-h"]).collect();
    let help = home.run_to_transcript(&words);
    let line = help.lines().next().and_then(|line| line.split_once("Example: hearth")).expect("an example").1;
    line.split_whitespace().map(str::to_owned).collect()
}

/// The manual lists every command with its flags, so that no command is forgotten here. A command that is not
/// listed above is run with its own example.
#[test]
fn every_changing_command_has_a_dry_run() {
    let home = Home::new();
    assert!(home.run_to_transcript(&["man", "--dir", "man1"]).ends_with("ends with 0\n"));
    for (_, page) in read_files(&home.path_below("dup-finder/man1")) {
        let page = String::from_utf8_lossy(&page);
        let synopsis = page.lines().find_map(|line| line.strip_prefix(r"\fBhearth")).expect("a synopsis");
        let command =
            synopsis.split_once(r"\fR").expect("the end of the name").0.replace(r"\-", "-").trim().to_owned();
        let tried = CHANGING_COMMANDS
            .iter()
            .any(|words| format!("{} ", words.join(" ")).starts_with(&format!("{command} ")));
        if tried || EXEMPT_COMMANDS.contains(&command.as_str()) {
            continue;
        }
        let words = read_example(&home, &command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let changed = if page.contains(r"\fB\-\-dry\-run\fR") {
            let (transcript, changed) = collect_changes(&words, "--dry-run");
            assert!(
                transcript.contains("would") && transcript.ends_with("ends with 0\n"),
                "{words:?}\n{transcript}"
            );
            changed
        } else {
            collect_changes(&words, "--yes").1
        };
        assert!(changed.is_empty(), "{words:?} changed {changed:?} and has no --dry-run");
    }
}
