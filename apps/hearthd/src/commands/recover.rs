//! `hearthd recover`: a recovery code for a user, for the operator of the machine. It works on the database of
//! `accounts` directly, whether or not Hearth runs, as the owner of the state folder.

use std::{io::ErrorKind, path::Path};

use hearth_accounts::{ACCOUNTS_SERVICE, RecoveryCode};
use hearth_base::{Error, Result, UserName};
use hearth_kit::{config::HearthConfig, db::migrate};

use super::{
    image::ServicesState,
    serve::{build_executor, load_configuration},
};
use crate::{
    cli::RecoverArgs,
    console,
    privilege::{HostUser, become_user},
    process::build_command_kit,
};

/// Creates the code and prints it.
pub fn run(args: RecoverArgs) -> Result<()> {
    let RecoverArgs { name, operator, user, settings } = args;
    check_state_folder(&load_configuration(settings.clone())?.state, &name)?;
    if user.is_none() && rustix::process::geteuid().is_root() {
        let services = ServicesState::from_settings(settings.clone())?;
        if services.owner.is_some() {
            let mut arguments = vec!["recover", name.as_str()];
            arguments.extend(operator.then_some("--operator"));
            return Err(services.become_owner(&arguments));
        }
    }
    let config = load_configuration(settings)?;
    let scheme = if config.door.uses_tls() { "https" } else { "http" };
    let server = format!("{scheme}://{}", config.door.public_authority());
    // Files that only root can read have been read at this point.
    if let Some(user) = user {
        become_user(HostUser::find_user(&user)?)?;
    }
    let RecoveryCode { code, user, expires } =
        build_executor()?.block_on(create_code(config, &name, operator))?;
    console::print_result(format_args!(
        "code:    {}\nuser:    {user}\nexpires: {expires}\nnext:    hearth password --code-stdin --server {server}",
        code.expose_secret()
    ));
    Ok(())
}

/// Checks that a Hearth has started in the state folder: a mistyped one must not become a new Hearth. `hearthd serve` uses
/// the folder itself, `hearthd up` a subfolder.
fn check_state_folder(state: &Path, name: &UserName) -> Result<()> {
    for keys in [state.join("keys"), state.join("services").join("keys")] {
        match std::fs::metadata(keys) {
            Ok(found) if found.is_dir() => return Ok(()),
            Err(cause) if cause.kind() == ErrorKind::PermissionDenied => {
                let what = format!("this user cannot read the state folder {}", state.display());
                return Err(Error::forbidden("not-root", what).help(format!("sudo hearthd recover {name}")));
            }
            _ => {}
        }
    }
    let what = format!("there is no Hearth in the state folder {}", state.display());
    Err(Error::invalid("no-hearth", what)
        .help(format!("hearthd recover {name} --config FILE, or --state DIR for another state folder")))
}

async fn create_code(config: HearthConfig, name: &UserName, operator: bool) -> Result<RecoveryCode> {
    let kit = build_command_kit(config, &ACCOUNTS_SERVICE).await?;
    migrate(kit.db()?, (ACCOUNTS_SERVICE.mount)(&kit)?.migrations).await?;
    hearth_accounts::recover_user(&kit, name, operator).await
}
