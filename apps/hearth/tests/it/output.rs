//! Results to standard output, everything else to standard error.

use crate::{
    fake_server::{CLOSED_ADDRESSES, PreparedAnswers, QUOTA_JSON},
    home::Home,
};

const TOOLS_JSON: &str = r#"{"data": {"items": [
    {"id": "tool_00000000000000000000000001", "name": "dup-finder", "description": "finds \u001b[31mtwins",
     "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"},
    {"id": "tool_00000000000000000000000002", "name": "quiet-tool", "description": "",
     "state": "deleting", "created": "2026-01-02T03:04:05Z", "waits_for": ["jobs"]}
]}}"#;

fn build_home() -> Home {
    Home::signed_in_at(PreparedAnswers::from([("GET /tools/v1/tools", (200, TOOLS_JSON))]))
}

#[test]
fn piped_list_has_a_line_per_record_with_exact_times_and_escaped_characters() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["tool", "list"]), @r"
    out| dup-finder	owner	active	2026-01-02T03:04:05Z	finds \u{1b}[31mtwins
    out| quiet-tool	-	deleting	2026-01-02T03:04:05Z
    ends with 0
    ");
}

#[test]
fn json_prints_everything() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["tool", "list", "--json"]), @r#"
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
    insta::assert_snapshot!(build_home().run_to_transcript(&["tool", "list", "--json=role,name"]), @r#"
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
fn unknown_field_is_refused_with_the_known_ones_before_any_change() {
    let home = Home::new();
    home.sign_in(CLOSED_ADDRESSES[0]);
    insta::assert_snapshot!(home.run_to_transcript(&["new", "dup-finder", "--json=nam"]), @r#"
    err| {"error":["\"nam\" is not a field of this result","The fields are tool, role, created, linked, file."],"code":"unknown-field","help":"--json=tool,role,created,linked,file"}
    ends with 1
    "#);
    assert!(!home.path_below("dup-finder/hearth.yaml").exists());
}

#[test]
fn quiet_prints_results_and_errors_only() {
    let home = build_home();
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    insta::assert_snapshot!(home.run_to_transcript(&["--quiet", "logout", "--dry-run"]), @"
    out| alice would be signed out at [SERVER]
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["--quiet", "elsewhere"]), @"
    err| error: there is no command hearth elsewhere [no-such-command]
    err| next:  hearth -h
    ends with 1
    ");
}

#[test]
fn colours_follow_flag_and_environment() {
    let colored = |words: &[&str], variables: &[(&str, &str)]| {
        Home::new().run_with_env(words, variables).contains('\u{1b}')
    };
    assert!(!colored(&["whoami"], &[]), "in a pipe");
    assert!(colored(&["whoami", "--color", "always"], &[("NO_COLOR", "1")]), "with --color always");
    assert!(!colored(&["whoami", "--color=never"], &[]));
}

#[cfg(target_os = "linux")]
#[test]
fn unwritable_output_is_an_error() {
    let home = Home::new();
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let mut command = home.build_command(&["completion", "bash"], &[]);
    let output = command.stdout(full).output().expect("the program starts");
    insta::assert_snapshot!(home.render_transcript(&output), @"
    err| error: the result cannot be written: no space left [output]
    ends with 1
    ");
}

#[test]
fn completion_script_exists_for_each_shell() {
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
fn quota_is_shown_and_changed_by_name() {
    let home = Home::linked_to_tool(PreparedAnswers::from([
        ("GET /tools/v1/tool/dup-finder/quota", (200, QUOTA_JSON)),
        ("PATCH /tools/v1/tool/dup-finder/quota", (200, QUOTA_JSON)),
    ]));
    insta::assert_snapshot!(home.run_to_transcript(&["tool", "quota"]), @"
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
    insta::assert_snapshot!(home.run_to_transcript(&set), @"
    out| ✓ dup-finder has memory=16Gi, running-jobs=20, cpu=default
    ends with 0
    ");
    insta::assert_snapshot!(home.read_requests().join("\n"), @r#"
    GET /tools/v1/tool/dup-finder/quota
    PATCH /tools/v1/tool/dup-finder/quota {"memory":"16Gi","cpu":null,"running_jobs":20}
    "#);
    for (wrong, why) in [
        ("memory", "has no limit"),
        ("memry=1Gi", "name one of continuous-jobs, cpu, envvars"),
        ("replicas=many", "invalid number for replicas"),
        ("memory=much", "invalid limit"),
    ] {
        let transcript = home.run_to_transcript(&["tool", "quota", "--set", wrong]);
        assert!(transcript.contains(why) && transcript.ends_with("ends with 1\n"), "{transcript}");
    }
}
