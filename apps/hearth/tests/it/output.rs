//! Results to standard output, everything else to standard error.

use crate::{
    door::{Answers, CLOSED, QUOTA},
    home::Home,
};

const TOOLS: &str = r#"{"data": {"items": [
    {"id": "tool_00000000000000000000000001", "name": "dup-finder", "description": "finds \u001b[31mtwins",
     "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"},
    {"id": "tool_00000000000000000000000002", "name": "quiet-tool", "description": "",
     "state": "deleting", "created": "2026-01-02T03:04:05Z", "waits_for": ["jobs"]}
]}}"#;

fn home() -> Home {
    Home::at(Answers::from([("GET /tools/v1/tools", (200, TOOLS))]))
}

#[test]
fn in_a_pipe_a_list_is_a_line_a_record_with_exact_times_and_visible_characters() {
    insta::assert_snapshot!(home().says(&["tool", "list"]), @r"
    out| dup-finder	owner	active	2026-01-02T03:04:05Z	finds \u{1b}[31mtwins
    out| quiet-tool	-	deleting	2026-01-02T03:04:05Z
    ends with 0
    ");
}

#[test]
fn json_prints_everything() {
    insta::assert_snapshot!(home().says(&["tool", "list", "--json"]), @r#"
    out| [
    out|   {
    out|     "id": "tool_00000000000000000000000001",
    out|     "name": "dup-finder",
    out|     "description": "finds \u001b[31mtwins",
    out|     "state": "active",
    out|     "role": "owner",
    out|     "created": "2026-01-02T03:04:05Z"
    out|   },
    out|   {
    out|     "id": "tool_00000000000000000000000002",
    out|     "name": "quiet-tool",
    out|     "description": "",
    out|     "state": "deleting",
    out|     "created": "2026-01-02T03:04:05Z",
    out|     "waits_for": [
    out|       "jobs"
    out|     ]
    out|   }
    out| ]
    ends with 0
    "#);
}

#[test]
fn json_selects_fields() {
    insta::assert_snapshot!(home().says(&["tool", "list", "--json=role,name"]), @r#"
    out| [
    out|   {
    out|     "role": "owner",
    out|     "name": "dup-finder"
    out|   },
    out|   {
    out|     "role": null,
    out|     "name": "quiet-tool"
    out|   }
    out| ]
    ends with 0
    "#);
}

#[test]
fn an_unknown_field_lists_the_known_before_anything_is_done() {
    let home = Home::new();
    home.sign_in(CLOSED[0]);
    insta::assert_snapshot!(home.says(&["new", "dup-finder", "--json=nam"]), @r#"
    err| {"error":["\"nam\" is not a field of this result","The fields are tool, role, created, linked, file."],"code":"unknown-field","help":"--json=tool,role,created,linked,file"}
    ends with 1
    "#);
    assert!(!home.path("dup-finder/hearth.yaml").exists());
}

#[test]
fn quiet_keeps_results_and_errors_only() {
    let home = home();
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    insta::assert_snapshot!(home.says(&["--quiet", "logout", "--dry-run"]), @"
    out| alice would be signed out at [SERVER]
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["--quiet", "elsewhere"]), @"
    err| error: there is no command hearth elsewhere [no-such-command]
    err| next:  hearth -h
    ends with 1
    ");
}

#[test]
fn colours_are_used_where_they_are_wanted() {
    let colored = |words: &[&str], variables: &[(&str, &str)]| {
        Home::new().says_with(words, variables).contains('\u{1b}')
    };
    assert!(!colored(&["whoami"], &[]), "in a pipe");
    assert!(colored(&["whoami", "--color", "always"], &[("NO_COLOR", "1")]), "when asked for");
    assert!(!colored(&["whoami", "--color=never"], &[]));
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let home = Home::new();
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let mut command = home.command(&["completion", "bash"], &[]);
    let output = command.stdout(full).output().expect("the program starts");
    insta::assert_snapshot!(home.transcript(&output), @"
    err| error: the result cannot be written: there is no room left [output]
    ends with 1
    ");
}

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Home::new().run(&["completion", shell]);
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && script.contains(&format!("hearth completion {shell} -- ")),
            "{shell}"
        );
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn a_quota_is_shown_and_changed_by_its_names() {
    let home = Home::of_tool(Answers::from([
        ("GET /tools/v1/tool/dup-finder/quota", (200, QUOTA)),
        ("PATCH /tools/v1/tool/dup-finder/quota", (200, QUOTA)),
    ]));
    insta::assert_snapshot!(home.says(&["tool", "quota"]), @"
    out| continuous-jobs	16
    out| cpu	8
    out| envvars	64
    out| image-storage	4Gi
    out| job-cpu	3
    out| job-disk	16Gi
    out| job-memory	4Gi
    out| memory	8Gi
    out| replicas	8
    out| running-builds	4
    out| running-jobs	16
    out| scheduled-jobs	50
    ends with 0
    ");
    let set = ["tool", "quota", "--set", "memory=16Gi", "--set", "running-jobs=20", "--set", "cpu=default"];
    insta::assert_snapshot!(home.says(&set), @"
    out| ✓ dup-finder has memory=16Gi, running-jobs=20, cpu=default
    ends with 0
    ");
    insta::assert_snapshot!(home.asked().join("\n"), @r#"
    GET /tools/v1/tool/dup-finder/quota
    PATCH /tools/v1/tool/dup-finder/quota {"memory":"16Gi","cpu":null,"running_jobs":20}
    "#);
    for (wrong, why) in [
        ("memory", "says no limit"),
        ("memry=1Gi", "name one of continuous-jobs, cpu, envvars"),
        ("replicas=many", "is no number of replicas"),
        ("memory=much", "is no limit"),
    ] {
        let said = home.says(&["tool", "quota", "--set", wrong]);
        assert!(said.contains(why) && said.ends_with("ends with 1\n"), "{said}");
    }
}
