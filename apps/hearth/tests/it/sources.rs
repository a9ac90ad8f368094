//! Folders as sources: what is uploaded, what is left out, and what is never uploaded.

use std::path::Path;

use crate::{
    fake_server::{FORBIDDEN_JSON, MY_TOOLS_JSON, PreparedAnswers},
    home::Home,
};

const SOURCE_JSON: &str = r#"{"source": {"id": "source_00000000000000000000000001", "digest": "sha256:01", "size": 9,
    "expires": "2026-01-03T00:00:00Z"}, "messages": {}}"#;

fn build_home() -> Home {
    let upload = "POST /builds/v1/tool/dup-finder/sources";
    Home::linked_to_tool(PreparedAnswers::from([(upload, (200, SOURCE_JSON.to_owned()))]))
}

fn run_in(home: &Home, folder: &Path, words: &[&str]) -> String {
    let output = home.build_command(words, &[]).current_dir(folder).output().expect("the program starts");
    home.render_transcript(&output)
}

#[test]
fn left_out_files_are_listed_once_and_included_on_demand() {
    let home = build_home();
    for (path, text) in
        [("requirements.txt", ""), (".env", "KEY=x\n"), ("venv/pyvenv.cfg", ""), ("a/.env.local", "KEY=x\n")]
    {
        home.write(&format!("dup-finder/{path}"), text);
    }
    insta::assert_snapshot!(home.run_to_transcript(&["build", "start", ".", "--dry-run"]), @r#"
    out| would build .
    err| left out: .env, a/.env.local (credentials), venv (packages, caches); --include PATH uploads one of them
    ends with 0
    "#);
    let transcript = home.run_to_transcript(&["build", "start", ".", "--include", ".env"]);
    assert!(transcript.contains("uploading 3 files"), "{transcript}");
    let transcript = home.run_to_transcript(&["build", "start", ".", "--include", "none"]);
    assert!(transcript.contains("[no-included-file]"), "{transcript}");
}

#[test]
fn home_folders_and_the_root_are_never_uploaded() {
    let home = build_home();
    home.write("index.html", "<h1>hello</h1>");
    let above = home.path_below("").parent().expect("a folder above").to_owned();
    for folder in [home.path_below(""), above, Path::new("/").to_owned()] {
        for words in [
            &["deploy", "--tool", "dup-finder"][..],
            &["deploy", "--tool", "dup-finder", "--dry-run"],
            &["build", "start", ".", "--tool", "dup-finder"],
            &["build", "start", ".", "--tool", "dup-finder", "--include", "index.html"],
        ] {
            let transcript = run_in(&home, &folder, words);
            assert!(transcript.contains("cannot be uploaded: it "), "{folder:?} {words:?}: {transcript}");
        }
    }
    assert!(home.read_requests().is_empty(), "{:?}", home.read_requests());
    let transcript = home.run_to_transcript(&["build", "start", "../dup-finder/..", "-q"]);
    assert!(transcript.contains("it is your home"), "{transcript}");
}

#[test]
fn include_of_a_repository_is_refused() {
    let home = build_home();
    for words in [["build", "start"], ["deploy", "--new=other"]] {
        let words = [&words[..], &["https://example.org/x.git", "--include", ".env"]].concat();
        let transcript = home.run_to_transcript(&words);
        assert!(transcript.contains("[include-of-repository]"), "{transcript}");
    }
    assert!(home.read_requests().is_empty(), "{:?}", home.read_requests());
}

/// A home with a page and the server's answers about the tool and the caller.
fn build_home_of_caller(tool: (u16, &str), tools: &str, is_operator: bool) -> Home {
    let caller = format!(
        r#"{{"data": {{"kind": "user", "name": "alice", "operator": {is_operator}, "credential": {{"by": "none"}},
        "scopes": []}}, "messages": {{}}}}"#
    );
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("GET /tools/v1/tool/dup-finder", (tool.0, tool.1.to_owned())),
        ("GET /tools/v1/tools", (200, tools.to_owned())),
        ("GET /accounts/v1/me", (200, caller)),
        ("POST /builds/v1/tool/dup-finder/sources", (200, SOURCE_JSON.to_owned())),
    ]));
    home.write("dup-finder/index.html", "<h1>hello</h1>");
    home
}

fn has_uploaded(home: &Home) -> bool {
    home.read_requests().iter().any(|request| request.contains("/sources"))
}

const UPLOADING_COMMANDS: [&[&str]; 2] = [&["deploy"], &["build", "start", "."]];

#[test]
fn folder_of_a_viewer_is_not_uploaded() {
    let viewed = MY_TOOLS_JSON.replace("\"owner\"", "\"viewer\"");
    let tool = viewed.replace("{\"items\": [", "").replace("]}}", "}");
    for words in UPLOADING_COMMANDS {
        let home = build_home_of_caller((200, &tool), &viewed, false);
        let transcript = home.run_to_transcript(words);
        assert!(transcript.contains("Your role on dup-finder is viewer"), "{transcript}");
        assert!(transcript.contains("next:  hearth tool members --tool dup-finder"), "{transcript}");
        assert!(!has_uploaded(&home), "{:?}", home.read_requests());
    }
}

#[test]
fn folder_for_a_tool_of_others_is_not_uploaded() {
    for words in UPLOADING_COMMANDS {
        let home = build_home_of_caller((403, FORBIDDEN_JSON), r#"{"data": {"items": []}}"#, false);
        let transcript = home.run_to_transcript(words);
        assert!(transcript.contains("dup-finder is not one of your tools"), "{transcript}");
        assert!(!has_uploaded(&home), "{:?}", home.read_requests());
    }
}

#[test]
fn folder_of_a_maintainer_or_operator_is_uploaded() {
    for (role, is_operator) in [("maintainer", false), ("owner", false), ("viewer", true)] {
        let tools = MY_TOOLS_JSON.replace("\"owner\"", &format!("\"{role}\""));
        let tool = tools.replace("{\"items\": [", "").replace("]}}", "}");
        for words in UPLOADING_COMMANDS {
            let home = build_home_of_caller((200, &tool), &tools, is_operator);
            let transcript = home.run_to_transcript(words);
            assert!(has_uploaded(&home), "{role}: {transcript}");
        }
    }
}
