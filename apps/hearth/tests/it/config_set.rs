//! `hearth config set`: one value of `hearth.yaml` changes, everything else stays.

use crate::{fake_server::PreparedAnswers, home::Home};

const SAMPLE_FILE: &str = "# The page of the tool.
config_version: hearth/v1
tool: dup-finder

components:
  web:
    publish: true   # at port 8000
    replicas: 1
";

fn build_home(status: u16, answer: &str) -> Home {
    let call = "POST /components/v1/tool/dup-finder/config";
    let home = Home::linked_to_tool(PreparedAnswers::from([(call, (status, answer.to_owned()))]));
    home.write("dup-finder/hearth.yaml", SAMPLE_FILE);
    home
}

fn read_file(home: &Home) -> String {
    std::fs::read_to_string(home.path_below("dup-finder/hearth.yaml")).expect("the file exists")
}

const CHECKED_JSON: &str = r#"{"data": {"config_version": "hearth/v1", "components": {"web": {}}}, "messages":
    {"info": [], "warning": [], "error": []}}"#;

#[test]
fn value_is_changed_after_its_difference_is_shown() {
    let home = build_home(200, CHECKED_JSON);
    let set = ["config", "set", "components.web.replicas", "2"];
    insta::assert_snapshot!(home.run_to_transcript(&[&set[..], &["--dry-run"]].concat()), @"
    out| would set components.web.replicas to 2 in hearth.yaml
    err| -     replicas: 1
    err| +     replicas: 2
    ends with 0
    ");
    assert_eq!(read_file(&home), SAMPLE_FILE);
    insta::assert_snapshot!(home.run_to_transcript(&set), @"
    out| ✓ components.web.replicas is 2 in hearth.yaml; nothing is deployed yet
    err| -     replicas: 1
    err| +     replicas: 2
    err| next:  hearth plan
    ends with 0
    ");
    assert_eq!(read_file(&home), SAMPLE_FILE.replace("replicas: 1", "replicas: 2"));
    let checked = home.read_requests();
    assert!(checked[0].starts_with("POST /components/v1/tool/dup-finder/config?dry_run=true"), "{checked:?}");
    insta::assert_snapshot!(home.run_to_transcript(&set), @"
    out| nothing to change: components.web.replicas is 2 in hearth.yaml already
    ends with 0
    ");
    assert_eq!(home.read_requests().len(), checked.len(), "an equal value is not checked");
}

#[test]
fn invalid_configuration_is_not_written() {
    let refused = r#"{"code": "config-invalid", "help": "docs/deployments.md describes the keys", "messages": {"error":
        ["line 9, column 5: component web: there is no key prot; did you mean port?"]}}"#;
    let home = build_home(422, refused);
    insta::assert_snapshot!(home.run_to_transcript(&["config", "set", "components.web.prot", "80"]), @"
    err| error: line 9, column 5: component web: there is no key prot; did you mean port? [config-invalid]
    err|        hearth.yaml was not changed.
    err| next:  docs/deployments.md describes the keys
    ends with 1
    ");
    assert_eq!(read_file(&home), SAMPLE_FILE);
    let transcript = home.run_to_transcript(&["config", "set", "a..b", "80"]);
    assert!(transcript.contains("invalid key"), "{transcript}");
}

#[test]
fn other_file_may_be_named() {
    let home = build_home(200, CHECKED_JSON);
    home.write("dup-finder/other.yaml", "components: {bot: {}}   # mine\n");
    let words =
        ["config", "set", "components.bot.command", "./bot --fast", "--config", "other.yaml", "--json"];
    let transcript = home.run_to_transcript(&words);
    assert!(transcript.contains(r#""after": "./bot --fast""#), "{transcript}");
    let text = std::fs::read_to_string(home.path_below("dup-finder/other.yaml")).expect("the file exists");
    assert_eq!(text, "components: {bot: {command: ./bot --fast}}   # mine\n");
    let transcript = home.run_to_transcript(&["config", "set", "a", "b", "--config", "absent.yaml"]);
    assert!(transcript.contains("absent.yaml cannot be read"), "{transcript}");
}
