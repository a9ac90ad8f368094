//! The component of `hearth deploy`: its name, and whether it is a page, a continuous program without a page
//! (a bot), or scheduled.

use std::path::Path;

use hearth_base::{Error, JobName, Result};
use hearth_plan::SourceFolder;
use hearth_wire::{
    components::{DEFAULT_COMPONENT, DeploymentCreate},
    jobs::{MountMode, ScheduleQuery},
};

use crate::tool_session::ToolSession;

/// The flags of `hearth deploy` about the component.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ComponentArgs {
    /// Run it continuously without a page, such as a bot
    #[arg(long, conflicts_with = "schedule")]
    continuous: bool,
    /// Run it on a schedule: five fields, or @hourly, @daily, …
    #[arg(long, value_name = "SCHEDULE", conflicts_with = "port")]
    schedule: Option<String>,
    /// The time zone of the schedule, as in Europe/Berlin
    #[arg(long, value_name = "ZONE", requires = "schedule", hide_short_help = true)]
    timezone: Option<String>,
    /// The component's job and process; default: web
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    component: Option<JobName>,
    /// The component's port; default: 8000 for a page
    #[arg(long, value_name = "PORT", hide_short_help = true)]
    port: Option<u16>,
    /// Run the component without publishing it
    #[arg(long, hide_short_help = true)]
    no_publish: bool,
    /// Mount the tool's folder, whose files stay, at TOOL_DATA_DIR
    #[arg(long, value_name = "all|none", value_parser = parse_mount)]
    mount: Option<MountMode>,
}

fn parse_mount(typed: &str) -> Result<MountMode> {
    serde_json::from_value(typed.into()).map_err(|_| {
        Error::invalid("invalid-value", format!("invalid mount {typed:?}; all or none"))
            .help("write all")
            .with_suggestion("all")
    })
}

/// The component of a program without a page whose command is given.
pub const COMMAND_COMPONENT: &str = "bot";

impl ComponentArgs {
    /// Returns the name of the component. Without the flag `--component`, a program without a page is the only
    /// process of the folder, or the only one beside `web`.
    pub fn select_name(&self, folder: Option<&Path>, has_command: bool) -> Result<JobName> {
        if let Some(name) = &self.component {
            return Ok(name.clone());
        }
        if !self.is_without_page() {
            return DEFAULT_COMPONENT.parse();
        }
        if has_command {
            return COMMAND_COMPONENT.parse();
        }
        let Some(folder) = folder else {
            return Err(Error::invalid("missing-argument", "the component has no name")
                .and_message("It is a process of the repository's Procfile.")
                .help("repeat the command with --component NAME"));
        };
        let processes = hearth_plan::plan_build(&SourceFolder::new(folder))?.processes;
        let others: Vec<&String> = processes.keys().filter(|name| *name != DEFAULT_COMPONENT).collect();
        match (others.as_slice(), processes.len()) {
            ([only], _) => only.parse(),
            ([], 0 | 1) => DEFAULT_COMPONENT.parse(),
            (names, _) => {
                let listed = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
                let first = names.first().map_or(DEFAULT_COMPONENT, |name| name.as_str());
                Err(Error::invalid(
                    "component-ambiguous",
                    format!("the folder has several processes: {listed}"),
                )
                .help(format!("repeat the command with --component {first}")))
            }
        }
    }

    /// True if the flags are about a program that is not the page.
    pub fn names_program(&self) -> bool {
        let is_named = self.component.as_ref().is_some_and(|name| name.as_str() != DEFAULT_COMPONENT);
        self.is_without_page() || is_named
    }

    /// Lists the flags that are given.
    pub fn list_given_flags(&self) -> Vec<&'static str> {
        let flags = [
            ("--continuous", self.continuous),
            ("--schedule", self.schedule.is_some()),
            ("--timezone", self.timezone.is_some()),
            ("--component", self.component.is_some()),
            ("--port", self.port.is_some()),
            ("--no-publish", self.no_publish),
            ("--mount", self.mount.is_some()),
        ];
        flags.into_iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| flag).collect()
    }

    fn is_without_page(&self) -> bool {
        self.continuous || self.schedule.is_some()
    }

    /// Adds the component to a request.
    pub fn apply_to(self, name: JobName, create: DeploymentCreate) -> DeploymentCreate {
        let is_unpublished = self.continuous || self.no_publish;
        DeploymentCreate {
            // The server's default is the same.
            component: Some(name).filter(|name| name.as_str() != DEFAULT_COMPONENT),
            port: self.port,
            publish: is_unpublished.then_some(false),
            schedule: self.schedule,
            timezone: self.timezone,
            mount: self.mount,
            ..create
        }
    }

    /// Lets the server check the schedule before anything is uploaded.
    pub async fn check_schedule(&self, session: &ToolSession<'_>, name: &JobName) -> Result<()> {
        let Some(schedule) = &self.schedule else { return Ok(()) };
        let query = ScheduleQuery {
            schedule: schedule.clone(),
            job: Some(name.clone()),
            timezone: self.timezone.clone(),
        };
        session.send(session.client().jobs().preview_schedule(session.tool_name(), &query)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_procfile(text: &str) -> Result<tempfile::TempDir> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        for (name, content) in [("Procfile", text), ("requirements.txt", "")] {
            std::fs::write(folder.path().join(name), content).map_err(Error::internal)?;
        }
        Ok(folder)
    }

    #[test]
    fn program_without_a_page_is_the_only_other_process() -> Result<()> {
        let bot = ComponentArgs { continuous: true, ..ComponentArgs::default() };
        let nightly = ComponentArgs { schedule: Some("@daily".to_owned()), ..ComponentArgs::default() };
        let one = write_procfile("web: ./serve\nreport: ./report\n")?;
        assert_eq!(bot.select_name(Some(one.path()), false)?.as_str(), "report");
        assert_eq!(nightly.select_name(Some(one.path()), false)?.as_str(), "report");
        assert_eq!(ComponentArgs::default().select_name(Some(one.path()), false)?.as_str(), "web");
        assert_eq!(bot.select_name(Some(one.path()), true)?.as_str(), "bot");
        let several = write_procfile("web: ./serve\nreport: ./report\nwatch: ./watch\n")?;
        let refused = bot.select_name(Some(several.path()), false).err();
        assert!(refused.is_some_and(|error| error.public_message().ends_with("report, watch")));
        Ok(())
    }

    #[test]
    fn continuous_component_is_not_published_and_a_scheduled_one_leaves_that_to_the_server() -> Result<()> {
        let bot = ComponentArgs { continuous: true, ..ComponentArgs::default() };
        let create = bot.apply_to("bot".parse()?, DeploymentCreate::default());
        assert_eq!((create.publish, create.port), (Some(false), None));
        let nightly = ComponentArgs { schedule: Some("@daily".to_owned()), ..ComponentArgs::default() };
        let create = nightly.apply_to("report".parse()?, DeploymentCreate::default());
        assert_eq!((create.publish, create.schedule.as_deref()), (None, Some("@daily")));
        Ok(())
    }
}
