//! The tree of commands. The arguments of each command are in its own file.

use std::{ffi::OsString, sync::LazyLock};

use clap::{ArgAction, CommandFactory, Parser, Subcommand};

use crate::{
    commands::{
        admin, apply, audit, build, completion, components, config, deploy, deployment, diff, environments,
        envvars, exec, files, invite, jobs, login, logout, logs, man, new, notify, open, password, plan,
        repository, request, restart, revisions, rollback, shell, status, token, tool, up, users, webhooks,
        webservice,
    },
    deferred::Deferred,
    flags::{GlobalArgs, HELP_TEMPLATE},
    kept_flags::mark_without_tool,
};

/// Build, run, share and find tools.
#[derive(Debug, Parser)]
#[command(
    name = "hearth",
    version,
    before_help = "Example: hearth deploy",
    after_help = "Also: plan, apply, config, files, shell, components, environments, revisions, diff, rollback,\n\
                  deployment, restart, repository, webhooks, token, webservice, audit, invite, users, password,\n\
                  request, admin, whoami, logout, down, completion, man. COMMAND -h shows an example; --help all.",
    after_long_help = "Also: plan, apply, config, files, shell, components, environments, revisions, diff, rollback,\n\
                       deployment, restart, repository, webhooks, token, webservice, audit, invite, users, password,\n\
                       request, admin, whoami, logout, down, completion, man.\n\
                       hearth alone shows your settings and the next command. COMMAND -h shows an example.\n\
                       Environment: HEARTH_SERVER, HEARTH_TOKEN, HEARTH_TOOL, NO_COLOR, CI.",
    help_template = ROOT_HELP_TEMPLATE,
    disable_help_flag = true,
    disable_version_flag = true,
    allow_external_subcommands = true,
    external_subcommand_value_parser = clap::value_parser!(OsString),
    max_term_width = 100
)]
pub struct Cli {
    /// The flags of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// Print this help; -h is shorter
    #[arg(long, short, global = true, action = ArgAction::Help, hide_short_help = true)]
    help: Option<bool>,
    /// Print the version
    #[arg(long, short = 'V', action = ArgAction::Version, hide_short_help = true)]
    version: Option<bool>,
    /// The command.
    #[command(subcommand)]
    pub command: Option<CliCommand>,
}

/// The help template of the program itself, without a usage line.
const ROOT_HELP_TEMPLATE: &str = "{before-help}{about-with-newline}\n{all-args}{after-help}";

/// The commands of the program.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Start Hearth on this machine, in the background
    #[command(before_help = "Example: hearth up --listen 127.0.0.1:8080", help_template = HELP_TEMPLATE)]
    #[command(group = mark_without_tool())]
    Up(up::UpArgs),
    /// Sign in, or join with a code
    #[command(before_help = "Example: hearth login https://hearth.example.org", help_template = HELP_TEMPLATE)]
    #[command(group = mark_without_tool())]
    Login(login::LoginArgs),
    /// Create a tool and link this folder to it
    #[command(before_help = "Example: hearth new dup-finder", help_template = HELP_TEMPLATE)]
    #[command(group = mark_without_tool())]
    New(new::CreateToolArgs),
    /// Build, run and publish this folder
    #[command(before_help = "Example: hearth deploy", help_template = HELP_TEMPLATE)]
    Deploy(Box<deploy::DeployToolArgs>),
    /// Show what a deployment would change
    #[command(before_help = "Example: hearth plan", help_template = HELP_TEMPLATE, hide = true)]
    Plan(plan::PlanDeploymentArgs),
    /// Deploy the configuration without a build
    #[command(before_help = "Example: hearth apply", help_template = HELP_TEMPLATE, hide = true)]
    Apply(apply::ApplyConfigArgs),
    /// Change the configuration of this folder
    #[command(before_help = "Example: hearth config set components.web.replicas 2", help_template = HELP_TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Config {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<config::FolderConfigCommand>,
    },
    /// Open a tool's page
    #[command(before_help = "Example: hearth open", help_template = HELP_TEMPLATE)]
    Open(open::OpenPageArgs),
    /// Show server, user and tool, and where each is set; or the state of a tool
    #[command(before_help = "Example: hearth status", help_template = HELP_TEMPLATE)]
    Status(status::ShowStatusArgs),
    /// Print the logs of a job
    #[command(before_help = "Example: hearth logs -f web", help_template = HELP_TEMPLATE)]
    Logs(logs::PrintLogsArgs),
    /// Manage jobs: one-off, scheduled or continuous
    #[command(before_help = "Example: hearth jobs list", help_template = HELP_TEMPLATE)]
    #[command(after_help = "Also: dump, flush, images, load, quota, update.")]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Jobs {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<jobs::JobCommand>,
    },
    /// Run a program, or a shell, in a container of a job
    #[command(before_help = "Example: hearth exec web -- ls", help_template = HELP_TEMPLATE)]
    Exec(exec::ExecProgramArgs),
    /// Run a shell, or a program, in a new container of the newest revision
    #[command(before_help = "Example: hearth shell", help_template = HELP_TEMPLATE, hide = true)]
    Shell(shell::OpenShellArgs),
    /// List the jobs of the tool: hearth jobs list
    #[command(before_help = "Example: hearth ps", help_template = HELP_TEMPLATE, hide = true)]
    Ps(jobs::list::ListJobsArgs),
    /// Restart a job: hearth jobs restart
    #[command(before_help = "Example: hearth restart", help_template = HELP_TEMPLATE, hide = true)]
    Restart(restart::RestartArgs),
    /// Set an environment variable: hearth envvars create
    #[command(before_help = "Example: hearth set API_KEY", help_template = HELP_TEMPLATE, hide = true)]
    Set(envvars::create::CreateEnvvarArgs),
    /// Copy files to and from the tool's home
    #[command(before_help = "Example: hearth files list", help_template = HELP_TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Files {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<files::FilesCommand>,
    },
    /// List the revisions of the tool
    #[command(before_help = "Example: hearth revisions", help_template = HELP_TEMPLATE, hide = true)]
    Revisions(revisions::ListRevisionsArgs),
    /// List the environments of the tool, or delete one
    #[command(before_help = "Example: hearth environments", help_template = HELP_TEMPLATE, hide = true)]
    Environments(environments::EnvironmentsArgs),
    /// Compare two revisions, or one with the newest
    #[command(before_help = "Example: hearth diff 12 15", help_template = HELP_TEMPLATE, hide = true)]
    Diff(diff::CompareRevisionsArgs),
    /// Deploy an earlier revision again
    #[command(before_help = "Example: hearth rollback", help_template = HELP_TEMPLATE, hide = true)]
    Rollback(rollback::RollBackArgs),
    /// Manage configuration, deployments and deploy token, as Toolforge's components does
    #[command(before_help = "Example: hearth components config show", help_template = HELP_TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true, version)]
    Components {
        /// Print the version
        #[arg(long, action = ArgAction::Version, hide_short_help = true)]
        version: Option<bool>,
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<components::ComponentsCommand>,
    },
    /// Manage deployments
    #[command(before_help = "Example: hearth deployment list", help_template = HELP_TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Deployment {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<deployment::DeploymentCommand>,
    },
    /// Manage environment variables
    #[command(before_help = "Example: hearth envvars list", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Envvars {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<envvars::EnvvarCommand>,
    },
    /// Manage mail about tools
    #[command(before_help = "Example: hearth notify status", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Notify {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<notify::NotifyCommand>,
    },
    /// Build images from sources
    #[command(before_help = "Example: hearth build plan", help_template = HELP_TEMPLATE)]
    #[command(disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
    Build {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<build::BuildCommand>,
    },
    /// Manage tools and members
    #[command(before_help = "Example: hearth tool list", help_template = HELP_TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Tool {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<tool::ToolCommand>,
    },
    /// Manage tokens for scripts
    #[command(before_help = "Example: hearth token list", help_template = HELP_TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Token {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<token::TokenCommand>,
    },
    /// Show who changed the tool, or this Hearth
    #[command(before_help = "Example: hearth audit", help_template = HELP_TEMPLATE, hide = true)]
    Audit(audit::ShowAuditArgs),
    /// Invite a person to this Hearth (operators)
    #[command(before_help = "Example: hearth invite bob", help_template = HELP_TEMPLATE, hide = true)]
    #[command(group = mark_without_tool())]
    Invite(invite::InviteArgs),
    /// Manage the users of this Hearth (operators)
    #[command(before_help = "Example: hearth users list", help_template = HELP_TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    #[command(group = mark_without_tool())]
    Users {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<users::UserCommand>,
    },
    /// Change your password, or set a new one with a code
    #[command(before_help = "Example: hearth password", help_template = HELP_TEMPLATE, hide = true)]
    #[command(group = mark_without_tool())]
    Password(password::ChangePasswordArgs),
    /// Operate this Hearth
    #[command(before_help = "Example: hearth admin queue list", help_template = HELP_TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    #[command(group = mark_without_tool())]
    Admin {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<admin::AdminCommand>,
    },
    /// Ask the operators for a package source or a quota
    #[command(before_help = "Example: hearth request list", help_template = HELP_TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Request {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<request::RequestCommand>,
    },
    /// Deploy by pushes to a repository at a forge
    #[command(before_help = "Example: hearth repository list", help_template = HELP_TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Repository {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<repository::RepositoryCommand>,
    },
    /// Manage webhooks for events of tools
    #[command(before_help = "Example: hearth webhooks list", help_template = HELP_TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Webhooks {
        /// The subcommand.
        #[command(subcommand)]
        command: Deferred<webhooks::WebhookCommand>,
    },
    /// Manage the tool's web service, as Toolforge's webservice does
    #[command(before_help = "Example: hearth webservice buildservice start", help_template = HELP_TEMPLATE, hide = true)]
    Webservice(webservice::WebserviceArgs),
    /// Show the signed-in user
    #[command(before_help = "Example: hearth whoami", help_template = HELP_TEMPLATE, hide = true)]
    #[command(group = mark_without_tool())]
    Whoami,
    /// Sign out
    #[command(before_help = "Example: hearth logout", help_template = HELP_TEMPLATE, hide = true)]
    #[command(group = mark_without_tool())]
    Logout(logout::LogoutArgs),
    /// Stop Hearth on this machine
    #[command(before_help = "Example: hearth down", help_template = HELP_TEMPLATE, hide = true)]
    #[command(group = mark_without_tool())]
    Down(up::DownArgs),
    /// Print the completion script of your shell
    #[command(before_help = "Example: hearth completion bash", help_template = HELP_TEMPLATE, hide = true)]
    #[command(group = mark_without_tool())]
    Completion(completion::PrintCompletionArgs),
    /// Print a manual page, or write all of them into a folder
    #[command(before_help = "Example: hearth man jobs run", help_template = HELP_TEMPLATE, hide = true)]
    #[command(group = mark_without_tool())]
    Man(man::PrintManualArgs),
    /// A program `hearth-NAME`.
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// Returns the definition of all commands, without the `help` subcommands.
pub fn find_whole_tree() -> &'static clap::Command {
    static WHOLE_TREE: LazyLock<clap::Command> = LazyLock::new(|| {
        let mut tree = Cli::command().disable_help_subcommand(true);
        tree.build();
        tree
    });
    &WHOLE_TREE
}

/// Builds the tree for manual pages and completion: nothing is hidden as it is in the short help.
pub fn build_full_tree() -> clap::Command {
    fn unhide_everything(command: clap::Command) -> clap::Command {
        command.hide(false).mut_args(|arg| arg.hide_short_help(false)).mut_subcommands(unhide_everything)
    }
    unhide_everything(find_whole_tree().clone())
}

#[cfg(test)]
mod tests;
