//! The words on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The server of Hearth.
#[derive(Debug, Parser)]
#[command(name = "hearthd", version, about = "The server of Hearth", disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything on this machine
    Up(Up),
    /// Run some roles of a Hearth that is made of several processes
    Serve(Serve),
    /// Run the one process with root's powers, which starts containers
    Runtime(Runtime),
    /// Stop every container of a Hearth that is not running any more, and remove what is left of them on this host
    Clear(Clear),
    /// Make and list the images that this Hearth provides
    #[command(subcommand)]
    Image(Image),
    /// Tell what this host offers to containers, and what to install or change
    Doctor,
    /// Print every setting with its default and meaning, as Markdown
    Settings,
    /// Print the API's document: everything merged, or one service's part
    Openapi(Openapi),
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd up --state /var/lib/hearth --listen 127.0.0.1:8080")]
pub struct Up {
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd serve --roles accounts --config /etc/hearth.toml")]
pub struct Serve {
    /// The roles to play, with commas between them, such as accounts,gateway; or all
    #[arg(long, value_delimiter = ',', required = true)]
    pub roles: Vec<String>,
    /// Become this user, by name or number, and give up all of root's powers
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd runtime --caller 990 --state /var/lib/hearth")]
pub struct Runtime {
    /// The number of the only user who may ask it for containers: the one that the services run as
    #[arg(long, value_name = "UID")]
    pub caller: u32,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd openapi accounts")]
pub struct Openapi {
    /// The service; without one, everything
    pub service: Option<String>,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd clear --state /var/lib/hearth")]
pub struct Clear {
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Subcommand)]
pub enum Image {
    /// Make the first images of Debian packages, those that are missing
    Bootstrap(ImageBootstrap),
    /// List the provided images; fails when one of the first is missing
    List(ImageList),
    /// Take in an image from a folder that is an OCI image layout
    Import(ImageImport),
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd image bootstrap --state /var/lib/hearth")]
pub struct ImageBootstrap {
    /// The images to make; without one, all
    pub names: Vec<String>,
    /// Where to get Debian packages from, in place of this machine's own sources
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// Make them anew though they are there, with the newest packages
    #[arg(long)]
    pub again: bool,
    /// Leave them here as OCI image layouts, for hearthd image import on any machine
    #[arg(long, value_name = "DIR")]
    pub layouts: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd image list --state /var/lib/hearth")]
pub struct ImageList {
    /// Print only the names of those that can be made and are not there
    #[arg(long)]
    pub missing: bool,
    /// Do not fail when one is missing
    #[arg(long)]
    pub all: bool,
    /// Become this user, by name or number, and give up all of root's powers
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Args)]
#[command(before_help = "Example: hearthd image import php8.2 ./layout --state /var/lib/hearth")]
pub struct ImageImport {
    /// Its name, behind hearth/
    pub name: String,
    /// The folder
    pub layout: PathBuf,
    /// Become this user, by name or number, and give up all of root's powers
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    #[command(flatten)]
    pub settings: Settings,
}

/// What the command line sets over the configuration file and the environment.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder with everything that must outlive the process
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// The address and port of the door
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}
