//! The command line of hearthd.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hearth_base::UserName;

/// The server of Hearth.
#[derive(Debug, Parser)]
#[command(name = "hearthd", version, about = "The server of Hearth", disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: ServerCommand,
}

#[derive(Debug, Subcommand)]
pub enum ServerCommand {
    /// Run everything on this machine
    Up(UpArgs),
    /// Run some roles of a Hearth with several processes
    Serve(ServeArgs),
    /// Run the privileged process that starts containers
    Runtime(RuntimeArgs),
    /// Stop all containers of a Hearth that is no longer running, and remove their data on this host
    Clear(ClearArgs),
    /// Create and list the images that this Hearth provides
    #[command(subcommand)]
    Image(ImageCommand),
    /// Create a code with which a user sets a new password, as the operator of this machine
    Recover(RecoverArgs),
    /// Check whether the release before can be started again, and finish an upgrade
    #[command(subcommand)]
    Upgrade(UpgradeCommand),
    /// Check this host's support for containers
    Doctor,
    /// Print all settings with defaults and descriptions, as Markdown
    Settings,
    /// Print the OpenAPI document of all services, or of one
    Openapi(OpenapiArgs),
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd up --state /var/lib/hearth --listen 127.0.0.1:8080")]
pub struct UpArgs {
    #[command(flatten)]
    pub settings: SettingsArgs,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd serve --roles accounts --config /etc/hearth.toml")]
pub struct ServeArgs {
    /// Comma-separated roles to run, such as accounts,gateway; or all
    #[arg(long, value_delimiter = ',', required = true)]
    pub roles: Vec<String>,
    /// User, by name or number, to run as without any privileges
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd runtime --caller 990 --state /var/lib/hearth")]
pub struct RuntimeArgs {
    /// Id of the only user that may start containers: the user that the services run as
    #[arg(long, value_name = "UID")]
    pub caller: u32,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd openapi accounts")]
pub struct OpenapiArgs {
    /// The service; all services if absent
    pub service: Option<String>,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd recover alice --state /var/lib/hearth")]
pub struct RecoverArgs {
    /// The user
    pub name: UserName,
    /// Make the user an enabled operator too, when no operator is left who can sign in
    #[arg(long)]
    pub operator: bool,
    /// User of this machine, by name or number, to run as without any privileges
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
pub enum UpgradeCommand {
    /// Show whether the release before can be started again, and the settings that it refuses
    Check(UpgradeArgs),
    /// Finish an upgrade: homes get size limits, and the release before cannot be started any more
    Finish(UpgradeArgs),
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd upgrade check --state /var/lib/hearth")]
pub struct UpgradeArgs {
    #[command(flatten)]
    pub settings: SettingsArgs,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd clear --state /var/lib/hearth")]
pub struct ClearArgs {
    #[command(flatten)]
    pub settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Create missing initial images from Debian packages
    Bootstrap(ImageBootstrapArgs),
    /// List the provided images; fail if an initial image is missing
    List(ImageListArgs),
    /// Import an image from an OCI image layout folder
    Import(ImageImportArgs),
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd image bootstrap --state /var/lib/hearth")]
pub struct ImageBootstrapArgs {
    /// The images to create; all if absent
    pub names: Vec<String>,
    /// Debian mirror to use instead of this machine's package sources
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// Recreate existing images with the newest packages
    #[arg(long)]
    pub again: bool,
    /// Write OCI image layouts to this folder, for hearthd image import on any machine
    #[arg(long, value_name = "DIR")]
    pub layouts: Option<PathBuf>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd image list --state /var/lib/hearth")]
pub struct ImageListArgs {
    /// Print only the names of missing images
    #[arg(long)]
    pub missing: bool,
    /// Succeed even if an initial image is missing
    #[arg(long)]
    pub all: bool,
    /// User, by name or number, to run as without any privileges
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd image import php8.2 ./layout --state /var/lib/hearth")]
pub struct ImageImportArgs {
    /// Name of the image, after hearth/
    pub name: String,
    /// The OCI image layout folder
    pub layout: PathBuf,
    /// User, by name or number, to run as without any privileges
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Settings that override the configuration file and the environment.
#[derive(Debug, Clone, Args)]
pub struct SettingsArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// State folder with all durable data
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Address and port of the gateway
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}
