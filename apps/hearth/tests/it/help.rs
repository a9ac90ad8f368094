//! Help: an example first, at most 24 lines, and external commands.

use crate::home::Home;

#[test]
fn help_of_the_program_starts_with_an_example() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["-h"]), @"
    out| Example: hearth deploy
    out|
    out| Build, run, share and find tools
    out|
    out| Commands:
    out|   up       Start Hearth on this machine, in the background
    out|   login    Sign in, or join with a code
    out|   new      Create a tool and link this folder to it
    out|   deploy   Build, run and publish this folder
    out|   open     Open a tool's page
    out|   status   Show server, user and tool, and where each is set; or the state of a tool
    out|   logs     Print the logs of a job
    out|   jobs     Manage jobs: one-off, scheduled or continuous
    out|   exec     Run a program, or a shell, in a container of a job
    out|   envvars  Manage environment variables
    out|   notify   Manage mail about tools
    out|   build    Build images from sources
    out|   tool     Manage tools and members
    out|   help     Print this message or the help of the given subcommand(s)
    out|
    out| Also: plan, apply, config, files, shell, components, environments, revisions, diff, rollback,
    out| deployment, restart, repository, webhooks, token, webservice, audit, invite, users, password,
    out| request, admin, whoami, logout, down, completion, man. COMMAND -h shows an example; --help all.
    ends with 0
    ");
}

#[test]
fn help_of_a_command_lists_its_arguments() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["login", "-h"]), @"
    out| Example: hearth login https://hearth.example.org
    out|
    out| Sign in, or join with a code
    out|
    out| Usage: hearth login [OPTIONS] [ADDRESS]
    out|
    out| Arguments:
    out|   [ADDRESS]  The server; default: the current one, or http://localhost:8080
    out|
    out| Options:
    out|       --name <NAME>     Sign in as this user; default: ask
    out|       --code <CODE>     Join with a setup code or an invitation, and choose name and password
    out|       --code-stdin      Read that code from standard input; other users of this machine can see the
    out|                         arguments of a command
    out|       --password-stdin  Read the password from standard input; with --code-stdin, from its second
    out|                         line
    out|       --token-stdin     Read a token from standard input instead of signing in
    out|       --dry-run         Show the changes without making them
    out|
    out| All flags: --help
    ends with 0
    ");
}

#[test]
fn command_group_alone_shows_its_help() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["tool"]), @"
    err| Example: hearth tool list
    err|
    err| Manage tools and members
    err|
    err| Usage: hearth tool [OPTIONS] <COMMAND>
    err|
    err| Commands:
    err|   list        List your tools
    err|   show        Show a tool and its members
    err|   delete      Delete a tool and everything that belongs to it
    err|   members     Manage the members of a tool
    err|   offers      List the tools that offer you a membership
    err|   accept      Accept an offered membership
    err|   leave       Leave a tool, or decline an offered membership
    err|   quota       Show the limits of a tool; operators change them
    err|   kubeconfig  Create a kubeconfig for Toolforge's clients
    err|   help        Print this message or the help of the given subcommand(s)
    err|
    err| All flags: --help
    ends with 1
    ");
}

#[test]
fn long_help_names_the_flags_of_every_command() {
    let help = Home::new().run_to_transcript(&["tool", "show", "--help"]);
    for flag in ["--server", "--tool", "--json", "--yes", "--color", "--quiet"] {
        assert!(help.contains(flag), "{flag}\n{help}");
    }
}

#[test]
fn version_is_printed_to_standard_output() {
    let version = Home::new().run_to_transcript(&["--version"]);
    assert_eq!(version, format!("out| hearth {}\nends with 0\n", env!("CARGO_PKG_VERSION")));
}
