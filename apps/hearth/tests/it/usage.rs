//! Mistyped commands: they are not run, end with 1, and the nearest valid command is proposed.

use crate::home::Home;

#[test]
fn nearest_command_is_proposed() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["tol", "list"]), @"
    err| error: there is no command hearth tol [no-such-command]
    err| next:  hearth tool list
    ends with 1
    ");
    insta::assert_snapshot!(Home::new().run_to_transcript(&["tool", "shwo", "dup-finder"]), @"
    err| error: there is no command hearth tool shwo [no-such-command]
    err|        The commands are list, show, delete, members, offers, accept, leave, quota, kubeconfig.
    err| next:  hearth tool show dup-finder
    ends with 1
    ");
}

#[test]
fn command_that_other_programs_call_so_is_proposed_before_a_similar_name() {
    for (typed, proposed) in [
        (vec!["init"], "hearth new NAME"),
        (vec!["push"], "hearth deploy"),
        (vec!["run", "x"], "hearth jobs run -h"),
        (vec!["tools"], "hearth tool list"),
        (vec!["tool", "members", "add", "bob"], "hearth tool members set USER ROLE"),
    ] {
        let transcript = Home::new().run_to_transcript(&typed);
        assert!(transcript.contains(&format!("next:  {proposed}\n")), "{transcript}");
    }
}

#[test]
fn nearest_flag_is_proposed() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["tool", "list", "--al"]), @"
    err| error: hearth tool list has no flag --al [unknown-argument]
    err| next:  hearth tool list --all
    ends with 1
    ");
}

#[test]
fn nearest_value_is_proposed() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["status", "--color", "alway"]), @r#"
    err| error: invalid value "alway" for --color [invalid-value]
    err|        The values are auto, always, never.
    err| next:  hearth status --color always
    ends with 1
    "#);
}

#[test]
fn missing_argument_is_named_with_an_example() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["new"]), @"
    err| error: hearth new needs NAME [missing-argument]
    err| next:  hearth new dup-finder
    ends with 1
    ");
    insta::assert_snapshot!(Home::new().run_to_transcript(&["status", "--tool"]), @"
    err| error: --tool needs a value [missing-value]
    err| next:  hearth status -h
    ends with 1
    ");
}

#[test]
fn invalid_name_is_answered_with_a_valid_one() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["new", "Dup_Finder", "--description", "it's mine"]), @r#"
    err| error: "Dup_Finder" cannot be a tool's name: 2 to 32 lower-case letters, digits and hyphens, beginning with a letter, ending with a letter or digit [tool-name]
    err| next:  hearth new dup-finder --description 'it'\''s mine'
    ends with 1
    "#);
    insta::assert_snapshot!(Home::new().run_to_transcript(&["tool", "members", "set", "bob", "boss"]), @r#"
    err| error: invalid role on a tool: "boss" [tool-role]
    err|        Use viewer, maintainer or owner.
    err| next:  hearth tool members set -h
    ends with 1
    "#);
}

#[test]
fn address_with_a_path_is_answered_without_it() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["login", "https://hearth.example.org/my/dup"]), @r#"
    err| error: "https://hearth.example.org/my/dup" is more than the address of a server [server-address]
    err| next:  hearth login https://hearth.example.org
    ends with 1
    "#);
}

#[test]
fn secret_argument_is_refused_and_not_repeated() {
    for words in [&["login", "--password", "s3cret"][..], &["login", "http://me:s3cret@hearth.example.org"]] {
        let transcript = Home::new().run_to_transcript(words);
        assert!(!transcript.contains("s3cret") && transcript.ends_with("ends with 1\n"), "{transcript}");
    }
    insta::assert_snapshot!(Home::new().run_to_transcript(&["login", "--password=s3cret"]), @"
    err| error: hearth login has no flag --password [unknown-argument]
    err|        A secret is not an argument: other users of this machine could see it.
    err| next:  hearth login --password-stdin
    ends with 1
    ");
    insta::assert_snapshot!(Home::new().run_to_transcript(&["logn", "--code", "s3cret"]), @"
    err| error: there is no command hearth logn [no-such-command]
    err| next:  hearth login --code-stdin
    ends with 1
    ");
}

#[test]
fn conflicting_flags_are_both_named() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["login", "--token-stdin", "--name", "bob"]), @"
    err| error: --token-stdin and --name cannot be combined [conflicting-arguments]
    err| next:  hearth login -h
    ends with 1
    ");
}

#[test]
fn json_errors_cover_mistyped_commands() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["tol", "list", "--json"]), @r#"
    err| {"error":["there is no command hearth tol"],"code":"no-such-command","help":"hearth tool list --json"}
    ends with 1
    "#);
    insta::assert_snapshot!(Home::new().run_to_transcript(&["tool", "shwo", "--json"]), @r#"
    err| {"error":["there is no command hearth tool shwo","The commands are list, show, delete, members, offers, accept, leave, quota, kubeconfig."],"code":"no-such-command","help":"hearth tool show --json"}
    ends with 1
    "#);
}
