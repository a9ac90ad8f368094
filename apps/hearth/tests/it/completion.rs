//! Shell completion: commands, flags, and names from the server, without any message on errors.

use std::process::Command;

use crate::{
    fake_server::{self, CLOSED_ADDRESSES, PreparedAnswers},
    home::Home,
};

/// The tested shell. Its environment is set in this file only.
const TESTED_SHELL: &str = "bash";

const JOBS_JSON: &str = r#"{"jobs": [
    {"name": "tidy", "job_type": "scheduled", "imagename": "python3.11", "image": "python3.11",
     "image_state": "stable", "cmd": "x", "status_short": "Waiting", "status_long": "Waiting",
     "status": {"short": "pending", "messages": [], "duration": "1h", "up_to_date": true}},
    {"name": "web", "job_type": "continuous", "imagename": "x", "image": "x",
     "image_state": "stable", "cmd": "x", "status_short": "Running", "status_long": "Running",
     "status": {"short": "running", "messages": [], "duration": "1h", "up_to_date": true}}], "messages": {}}"#;
const IMAGES_JSON: &str = r#"{"images": [
    {"shortname": "python3.11", "image": "python3.11"},
    {"shortname": "tool-dup-finder/tool-dup-finder:latest", "image": "x"},
    {"shortname": "$(touch broken)", "image": "x"},
    {"shortname": "a\nb", "image": "x"},
    {"shortname": "-rf", "image": "x"}], "messages": {}}"#;
const ENVVARS_JSON: &str = r#"{"envvars": [{"name": "API_KEY", "value": "s3cret"}], "messages": {}}"#;
const CREDENTIALS_JSON: &str = r#"{"source_credentials": [{"id": "credential_00000000000000000000000001",
    "address": "https://git.example.org/ada/secret", "username": "oauth2", "created": "2026-01-02T03:04:05Z"}],
    "messages": {}}"#;
const BUILDS_JSON: &str = r#"{"builds": [{"build_id": "build_00000000000000000000000001", "status": "BUILD_SUCCESS",
    "message": "", "start_time": "", "end_time": "", "parameters": {"source_url": "", "ref": "", "envvars": {},
    "image_name": "", "use_latest_versions": false, "use_deprecated_versions": false},
    "destination_image": "", "resolved_ref": "", "step": "done", "processes": {},
    "created": "2026-01-02T03:04:00Z"}], "messages": {}}"#;

fn build_home() -> Home {
    Home::linked_to_tool(PreparedAnswers::from([
        ("GET /tools/v1/tools", (200, fake_server::MY_TOOLS_JSON)),
        ("GET /jobs/v1/tool/dup-finder/jobs", (200, JOBS_JSON)),
        ("GET /jobs/v1/tool/other/jobs", (403, fake_server::FORBIDDEN_JSON)),
        ("GET /jobs/v1/tool/dup-finder/images", (200, IMAGES_JSON)),
        ("GET /builds/v1/tool/dup-finder/builds", (200, BUILDS_JSON)),
        ("GET /envvars/v1/tool/dup-finder/envvars", (200, ENVVARS_JSON)),
        ("GET /builds/v1/tool/dup-finder/source-credentials", (200, CREDENTIALS_JSON)),
    ]))
}

/// bash in the folder, with an empty environment and this program on its search path.
fn build_shell_command(home: &Home) -> Command {
    let hearth = home.build_command(&[], &[]);
    let folder = std::path::Path::new(hearth.get_program()).parent().expect("the program is in a folder");
    let mut command = Command::new(TESTED_SHELL);
    command.args(["--norc", "--noprofile"]).current_dir(home.path_below("dup-finder"));
    command.env_clear().env("HOME", home.path_below(""));
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    command
}

/// Returns the candidates that bash offers for the last of these words.
fn complete_in_bash(home: &Home, words: &[&str]) -> String {
    let script = "source <(hearth completion bash); COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
        last=${!#}; [[ $last == = ]] && last=; _hearth hearth \"$last\"; \
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut command = build_shell_command(home);
    command.args(["-c", script, "bash", "hearth"]).args(words);
    let output = command.output().expect("bash starts");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8_lossy(&output.stdout).trim_end().replace('\n', " ")
}

#[test]
fn commands_and_flags_complete_without_a_server() {
    let home = Home::new();
    assert_eq!(complete_in_bash(&home, &["env"]), "environments envvars");
    assert_eq!(complete_in_bash(&home, &["who"]), "whoami", "hidden commands are offered too");
    assert_eq!(complete_in_bash(&home, &["comp"]), "components completion");
    assert_eq!(complete_in_bash(&home, &["components", "config", ""]), "create show delete generate");
    assert_eq!(complete_in_bash(&home, &["jobs", "re"]), "restart resume");
    assert_eq!(complete_in_bash(&home, &["jobs", "run", "--no-f"]), "--no-filelog");
    assert_eq!(complete_in_bash(&home, &["status", "--color", "al"]), "always");
    home.write("dup-finder/jobs.yaml", "");
    assert_eq!(complete_in_bash(&home, &["jobs", "load", "jo"]), "jobs.yaml");
}

#[test]
fn names_complete_for_arguments_that_take_names() {
    for (words, offered) in [
        (&["jobs", "show", ""][..], "tidy web"),
        (&["jobs", "delete", "t"], "tidy"),
        (&["logs", "-f", "w"], "web"),
        (&["exec", "w"], "web"),
        (&["tool", "show", ""], "dup-finder"),
        (&["tool", "delete", "du"], "dup-finder"),
        (&["jobs", "list", "--tool", "d"], "dup-finder"),
        (&["jobs", "list", "--tool", "=", "d"], "dup-finder"),
        (&["jobs", "list", "--tool", "="], "dup-finder"),
        (&["--tool", "dup-finder", "jobs", "show", "t"], "tidy"),
        (&["envvars", "delete", ""], "API_KEY"),
        (&["envvars", "show", "A"], "API_KEY"),
        (&["build", "cancel", "b"], "build_00000000000000000000000001"),
        (&["build", "credentials", "delete", "h"], "https://git.example.org/ada/secret"),
        (&["build", "logs", "b"], "build_00000000000000000000000001"),
        (&["jobs", "run", "x", "--image", "py"], "python3.11"),
        (&["jobs", "run", "x", "--image", "tool-dup-finder/tool-dup-finder", ":", "l"], "latest"),
    ] {
        assert_eq!(complete_in_bash(&build_home(), words), offered, "{words:?}");
    }
}

#[cfg(unix)]
#[test]
fn tab_key_completes_in_a_terminal() {
    let home = build_home();
    home.write("dup-finder/sub/jobs.yaml", "");
    let mut command = build_shell_command(&home);
    command.arg("-i").env("PS1", "ready> ").env("TERM", "dumb");
    let mut terminal = home.start_at_terminal(200, command);
    terminal.answer_question("ready> ", "source <(hearth completion bash)\r");
    for (typed, becomes) in [
        ("hearth jobs sh\tt\t", "hearth jobs show tidy "),
        ("hearth jobs list --tool=du\t", "hearth jobs list --tool=dup-finder "),
        ("hearth jobs run x --image tool-dup-finder/tool-dup-finder:l\t", "tool-dup-finder:latest "),
        ("hearth jobs load su\tjo\t", "hearth jobs load sub/jobs.yaml "),
    ] {
        terminal.press_keys(typed);
        terminal.read_until(becomes);
        terminal.press_keys("\u{15}");
    }
    terminal.press_keys("exit\r");
    assert!(terminal.read_to_end().ends_with("ends with 0\n"));
}

#[test]
fn name_of_a_new_job_is_not_completed() {
    let home = build_home();
    assert_eq!(complete_in_bash(&home, &["jobs", "run", "t"]), "");
    assert!(home.read_requests().is_empty(), "{:?}", home.read_requests());
}

#[test]
fn names_are_never_executed() {
    let home = build_home();
    assert_eq!(
        complete_in_bash(&home, &["jobs", "run", "x", "--image", ""]),
        "python3.11 tool-dup-finder/tool-dup-finder:latest"
    );
    assert_eq!(complete_in_bash(&home, &["jobs", "show", "$(touch broken)"]), "");
    assert_eq!(complete_in_bash(&home, &["jobs", "show", "t*"]), "");
    // A folder of a stranger's repository can have any name.
    std::fs::create_dir_all(home.path_below("dup-finder/x$(touch broken)")).expect("a folder");
    assert_eq!(complete_in_bash(&home, &["deploy", "x"]), "");
    assert!(!home.path_below("dup-finder/broken").exists());
}

#[test]
fn completion_without_names_is_silent() {
    let closed = Home::new();
    closed.sign_in(CLOSED_ADDRESSES[0]);
    closed.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    let broken = Home::new();
    broken.write(".config/hearth/credentials.toml", "token = s3cret\n");
    for (home, words) in [
        (&Home::new(), &["tool", "show", ""][..]),
        (&closed, &["jobs", "show", ""]),
        (&broken, &["tool", "show", ""]),
        (&build_home(), &["--tool", "other", "jobs", "show", ""]),
        (&build_home(), &["--tool", "No Name", "jobs", "show", ""]),
    ] {
        assert_eq!(complete_in_bash(home, words), "", "{words:?}");
        let arguments = [&["completion", "fish", "--", "hearth"], words].concat();
        assert_eq!(home.run_to_transcript(&arguments), "ends with 0\n", "{words:?}");
    }
}

#[test]
fn completion_gives_up_on_a_silent_server() {
    let home = Home::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    home.sign_in(&format!("http://{}", silent.local_addr().expect("the listener has an address")));
    let arguments = ["completion", "fish", "--", "hearth", "tool", "show", ""];
    assert_eq!(home.run_to_transcript(&arguments), "ends with 0\n");
}

#[test]
fn completion_has_a_maximum_of_names() {
    let image = |number: u32| format!(r#"{{"shortname": "image-{number}", "image": "x"}}"#);
    let images: Vec<_> = (0..1000).map(image).collect();
    let body = format!(r#"{{"images": [{}], "messages": {{}}}}"#, images.join(","));
    let home =
        Home::linked_to_tool(PreparedAnswers::from([("GET /jobs/v1/tool/dup-finder/images", (200, body))]));
    let arguments = ["completion", "fish", "--", "hearth", "jobs", "run", "x", "--image", ""];
    assert_eq!(
        home.run_to_transcript(&arguments).lines().filter(|line| line.starts_with("out| image-")).count(),
        200
    );
}

#[test]
fn completion_in_zsh_and_fish_has_descriptions() {
    insta::assert_snapshot!(build_home().run_to_transcript(&["completion", "fish", "--", "hearth", "build", "show", "b"]), @"
    out| build_00000000000000000000000001	done
    ends with 0
    ");
    insta::assert_snapshot!(Home::new().run_to_transcript(&["completion", "zsh", "--", "hearth", "envvars", "q"]), @"
    out| quota	Show quota and usage
    ends with 0
    ");
}

#[test]
fn external_programs_complete() {
    let home = Home::new();
    home.write("bin/hearth-extra", "");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let program = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(home.path_below("bin/hearth-extra"), program)
            .expect("the permissions can be set");
    }
    let path = home.path_below("bin").display().to_string();
    let transcript = home.run_with_env(&["completion", "bash", "--", "hearth", "ex"], &[("PATH", &path)]);
    assert_eq!(transcript, "out| exec\nout| extra\nends with 0\n");
}
