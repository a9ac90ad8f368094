//! `hearth diff`, and rollback of several components.

use crate::{fake_server::PreparedAnswers, home::Home};

const REVISIONS_CALL: &str = "GET /components/v1/tool/dup-finder/revisions";

/// A revision with components, each with image and commit.
fn revision_json(number: u32, components: &[(&str, &str, &str)]) -> String {
    let listed = components.iter().map(|(name, image, commit)| {
        format!(
            r#""{name}": {{"job": {{"name": "{name}", "imagename": "{image}", "cmd": "{name}", "filelog": false}},
            "resolved_ref": "{commit}"}}"#
        )
    });
    let listed = listed.collect::<Vec<_>>().join(",");
    let components =
        if listed.is_empty() { String::new() } else { format!(r#", "components": {{{listed}}}"#) };
    format!(
        r#"{{"number": {number}, "deployment": "deployment_0000000000000000000000000{number}",
        "created": "2026-01-02T03:04:05Z", "by": "user alice", "description": "", "source": {{"image": "x"}},
        "resolved_ref": "", "image": "x", "component": "web", "command": "web", "port": 8000, "publish": true,
        "kept": true{components}}}"#
    )
}

fn build_home() -> Home {
    let newest = revision_json(3, &[("web", "b", "9f3c2ab"), ("worker", "b", "9f3c2ab")]);
    let earlier = revision_json(2, &[("old", "a", ""), ("web", "a", "1a2b3c4")]);
    let oldest = revision_json(1, &[]);
    let answer = |text: &str| (200, format!(r#"{{"data": {text}, "messages": {{}}}}"#));
    let deployment = r#"{"deploy_id": "deployment_00000000000000000000000009", "creation_time": "2026-01-02T03:04:05Z",
        "description": "", "source": {"image": "x"}, "builds": {}, "runs": {}, "status": "successful", "long_status": "",
        "force_build": false, "force_run": false, "steps": [], "revision": 4, "version": 1}"#;
    Home::linked_to_tool(PreparedAnswers::from([
        (REVISIONS_CALL, answer(&format!(r#"{{"revisions": [{newest}, {earlier}, {oldest}]}}"#))),
        (&*format!("{REVISIONS_CALL}/3"), answer(&newest)),
        (&*format!("{REVISIONS_CALL}/2"), answer(&earlier)),
        (&*format!("{REVISIONS_CALL}/1"), answer(&oldest)),
        ("POST /components/v1/tool/dup-finder/deployment", answer(deployment)),
    ]))
}

#[test]
fn revisions_are_compared_field_by_field() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["diff", "2", "3"]), @"
    out| old	removed	a  old	-
    out| web	commit	1a2b3c4	9f3c2ab
    out| web	image	a	b
    out| worker	added	-	b  worker
    ends with 0
    ");
    let json = build_home().run_to_transcript(&["diff", "2", "--json=from,to"]);
    assert!(
        json.contains(r#""from": 2"#) && json.contains(r#""to": 3"#),
        "the newest is the default: {json}"
    );
    insta::assert_snapshot!(build_home().run_to_transcript(&["diff", "3", "3"]), @"
    out| the components of revisions 3 and 3 are the same
    ends with 0
    ");
}

#[test]
fn revision_without_components_is_compared_by_its_only_one() {
    let transcript = build_home().run_to_transcript(&["diff", "1", "2"]);
    assert!(transcript.contains("out| web\timage\tx\ta\n"), "{transcript}");
    let missing = build_home().run_to_transcript(&["diff", "7", "2"]);
    assert!(missing.ends_with("ends with 1\n"), "{missing}");
}

#[test]
fn revisions_show_the_number_of_components() {
    let transcript = build_home().run_to_transcript(&["revisions"]);
    for cells in ["out| 3\t2: web, worker\t", "out| 2\t2: old, web\t", "out| 1\tweb\t"] {
        assert!(transcript.contains(cells), "{transcript}");
    }
}

#[test]
fn rollback_restores_all_components_of_a_revision() {
    let home = build_home();
    insta::assert_snapshot!(home.run_to_transcript(&["rollback", "--dry-run"]), @"
    out| would return to revision 2: 2 components: old, web; would remove worker
    ends with 0
    ");
    let transcript = home.run_to_transcript(&["rollback", "--queue"]);
    assert!(transcript.contains("revision 4") && transcript.ends_with("ends with 0\n"), "{transcript}");
    let requests = home.read_requests();
    let deployed = requests.iter().find(|request| request.starts_with("POST ")).expect("a deployment");
    let body = r#"queue=true {"description":"roll back to revision 2","revision":2}"#;
    assert!(deployed.ends_with(body), "{deployed}");
}
