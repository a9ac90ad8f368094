//! Mistyped commands: named, with the nearest right one, never carried out, and ended with 1.

use crate::home::Home;

#[test]
fn the_nearest_command_is_proposed() {
    insta::assert_snapshot!(Home::new().says(&["tol", "list"]), @"
    err| error: there is no command hearth tol [no-such-command]
    err| next:  hearth tool list
    ends with 1
    ");
    insta::assert_snapshot!(Home::new().says(&["tool", "shwo", "dup-finder"]), @"
    err| error: there is no command hearth tool shwo [no-such-command]
    err|        There are list, show, delete, members, quota, kubeconfig.
    err| next:  hearth tool show dup-finder
    ends with 1
    ");
}

#[test]
fn the_nearest_flag_is_proposed() {
    insta::assert_snapshot!(Home::new().says(&["tool", "list", "--al"]), @"
    err| error: hearth tool list has no flag --al [unknown-argument]
    err| next:  hearth tool list --all
    ends with 1
    ");
}

#[test]
fn the_nearest_value_is_proposed() {
    insta::assert_snapshot!(Home::new().says(&["status", "--color", "alway"]), @r#"
    err| error: "alway" cannot be given as --color [invalid-value]
    err|        It takes auto, always, never.
    err| next:  hearth status --color always
    ends with 1
    "#);
}

#[test]
fn what_is_missing_is_named_with_an_example() {
    insta::assert_snapshot!(Home::new().says(&["new"]), @"
    err| error: hearth new needs NAME [missing-argument]
    err| next:  hearth new dup-finder
    ends with 1
    ");
    insta::assert_snapshot!(Home::new().says(&["status", "--tool"]), @"
    err| error: --tool needs a value [missing-value]
    err| next:  hearth status -h
    ends with 1
    ");
}

#[test]
fn a_name_that_cannot_be_is_answered_with_one_that_can() {
    insta::assert_snapshot!(Home::new().says(&["new", "Dup_Finder", "--description", "it's mine"]), @r#"
    err| error: "Dup_Finder" cannot be a tool's name: 2 to 32 lower-case letters, digits and hyphens, beginning with a letter, ending with a letter or digit [tool-name]
    err| next:  hearth new dup-finder --description 'it'\''s mine'
    ends with 1
    "#);
    insta::assert_snapshot!(Home::new().says(&["tool", "members", "set", "bob", "boss"]), @r#"
    err| error: "boss" is not a role on a tool [tool-role]
    err|        A member is a viewer, a maintainer or an owner.
    err| next:  hearth tool members set -h
    ends with 1
    "#);
}

#[test]
fn an_address_with_a_path_is_answered_with_the_address() {
    insta::assert_snapshot!(Home::new().says(&["login", "https://hearth.example.org/my/dup"]), @r#"
    err| error: "https://hearth.example.org/my/dup" is more than the address of a server [server-address]
    err| next:  hearth login https://hearth.example.org
    ends with 1
    "#);
}

#[test]
fn a_secret_is_no_argument_and_is_not_repeated() {
    for words in [&["login", "--password", "s3cret"][..], &["login", "http://me:s3cret@hearth.example.org"]] {
        let said = Home::new().says(words);
        assert!(!said.contains("s3cret") && said.ends_with("ends with 1\n"), "{said}");
    }
    insta::assert_snapshot!(Home::new().says(&["login", "--password=s3cret"]), @"
    err| error: hearth login has no flag --password [unknown-argument]
    err|        A secret is no argument: others on this machine could see it.
    err| next:  hearth login --password-stdin
    ends with 1
    ");
    insta::assert_snapshot!(Home::new().says(&["logn", "--code", "s3cret"]), @"
    err| error: there is no command hearth logn [no-such-command]
    err| next:  hearth login --code CODE
    ends with 1
    ");
}

#[test]
fn flags_that_exclude_each_other_are_both_named() {
    insta::assert_snapshot!(Home::new().says(&["login", "--token-stdin", "--name", "bob"]), @"
    err| error: --token-stdin and --name exclude each other [conflicting-arguments]
    err| next:  hearth login -h
    ends with 1
    ");
}

#[test]
fn with_json_a_mistyped_command_is_json_too() {
    insta::assert_snapshot!(Home::new().says(&["tol", "list", "--json"]), @r#"
    err| {"error":["there is no command hearth tol"],"code":"no-such-command","help":"hearth tool list --json"}
    ends with 1
    "#);
    insta::assert_snapshot!(Home::new().says(&["tool", "shwo", "--json"]), @r#"
    err| {"error":["there is no command hearth tool shwo","There are list, show, delete, members, quota, kubeconfig."],"code":"no-such-command","help":"hearth tool show --json"}
    ends with 1
    "#);
}
