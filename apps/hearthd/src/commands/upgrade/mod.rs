//! `hearthd upgrade`: until an upgrade is finished, this release writes only forms that the release before it reads.

mod former_settings;

use std::path::PathBuf;

use hearth_base::{Error, Result};
use hearth_kit::config::list_configured_keys;
use hearth_runtime_local::StateFormat;

use super::serve::{load_configuration, read_environment};
use crate::{
    cli::{SettingsArgs, UpgradeCommand},
    console,
};

use self::former_settings::FORMER_RELEASE;

/// Runs a command about an upgrade.
pub fn run(command: UpgradeCommand) -> Result<()> {
    match command {
        UpgradeCommand::Check(args) => check_upgrade(args.settings),
        UpgradeCommand::Finish(args) => finish_upgrade(args.settings),
    }
}

/// Prints whether the release before can be started again, and the settings that it would refuse.
fn check_upgrade(settings: SettingsArgs) -> Result<()> {
    let file = settings.config.clone();
    let format = StateFormat::read(&find_runtime_folder(settings)?)?;
    let refused: Vec<String> = list_configured_keys(file.as_deref(), read_environment())?
        .into_iter()
        .filter(|key| !former_settings::has_setting(key))
        .collect();
    console::print_result(render_check(format, &refused));
    Ok(())
}

fn render_check(format: Option<StateFormat>, refused: &[String]) -> String {
    let state = match format {
        None => "new; this release has not started yet",
        Some(StateFormat::NEWEST_FORMAT) => "only this release reads it; to go back, restore the backup",
        Some(_) => "the release before reads it too; homes have no size limit",
    };
    let settings = match refused {
        [] => format!("release {FORMER_RELEASE} accepts all"),
        keys => format!("release {FORMER_RELEASE} refuses {}", keys.join(", ")),
    };
    let next = match (format, refused) {
        (None, _) => "start Hearth",
        (Some(StateFormat::NEWEST_FORMAT), _) => "nothing is left to do",
        (Some(_), []) => "hearthd upgrade finish, once you will not go back",
        (Some(_), _) => {
            "hearthd upgrade finish, once you will not go back; to go back, remove these settings first"
        }
    };
    format!("state:    {state}\nsettings: {settings}\nnext:     {next}")
}

/// Ends the time in which the release before can be started again.
fn finish_upgrade(settings: SettingsArgs) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        let what = "this user is not root; the state of the runtime belongs to root";
        return Err(Error::forbidden("not-root", what).help("sudo hearthd upgrade finish"));
    }
    let former = StateFormat::finish_upgrade(&find_runtime_folder(settings)?)?;
    console::print_result(match former {
        StateFormat::NEWEST_FORMAT => "The upgrade was finished before; nothing has changed".to_owned(),
        former => format!(
            "The upgrade is finished: release {former} cannot be started on this state any more.\n\
             Each home gets its size limit at the next start of a container of a tool without running ones.\n\
             Next: restart Hearth (systemctl restart hearth)"
        ),
    });
    Ok(())
}

/// Finds the state folder of the runtime.
fn find_runtime_folder(settings: SettingsArgs) -> Result<PathBuf> {
    Ok(load_configuration(settings)?.state.join("runtime"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_names_the_settings_that_the_release_before_refuses() {
        let refused = ["storage.sessions".to_owned(), "door.header_timeout".to_owned()];
        let text = render_check(Some(StateFormat::Release01), &refused);
        assert!(text.contains("release 0.1.0 refuses storage.sessions, door.header_timeout"), "{text}");
        assert!(text.contains("hearthd upgrade finish"), "{text}");
        let text = render_check(Some(StateFormat::NEWEST_FORMAT), &[]);
        assert!(text.contains("restore the backup") && text.contains("accepts all"), "{text}");
    }
}
