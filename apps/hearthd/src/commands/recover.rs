//! `hearthd recover`: a recovery code for a user, for the operator of the machine. It works on the database of
//! `accounts` directly, whether or not Hearth runs, as the owner of the state folder.

use std::{path::Path, process::Stdio};

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
    check_state_folder(&load_configuration(settings.clone())?.state)?;
    if user.is_none() && rustix::process::geteuid().is_root() {
        let services = ServicesState::from_settings(settings.clone())?;
        if services.owner.is_some() {
            let mut arguments = vec!["recover", name.as_str()];
            arguments.extend(operator.then_some("--operator"));
            console::print_result(services.run_as_owner(Stdio::null(), &arguments)?.trim_end());
            return Ok(());
        }
    }
    let config = load_configuration(settings)?;
    // Files that only root can read have been read at this point.
    if let Some(user) = user {
        become_user(HostUser::find_user(&user)?)?;
    }
    let RecoveryCode { code, user, expires } =
        build_executor()?.block_on(create_code(config, &name, operator))?;
    console::print_result(format_args!(
        "code:    {}\nuser:    {user}\nexpires: {expires}\nnext:    hearth password --code CODE",
        code.expose_secret()
    ));
    Ok(())
}

/// Checks that a Hearth has started in the state folder: a mistyped one must not become a new Hearth. `hearthd serve` uses
/// the folder itself, `hearthd up` a subfolder.
fn check_state_folder(state: &Path) -> Result<()> {
    if [state.join("keys"), state.join("services").join("keys")].iter().any(|keys| keys.is_dir()) {
        return Ok(());
    }
    let what = format!("there is no Hearth in the state folder {}", state.display());
    Err(Error::invalid("no-hearth", what)
        .help("name the state folder (--state DIR), or run the command as root"))
}

async fn create_code(config: HearthConfig, name: &UserName, operator: bool) -> Result<RecoveryCode> {
    let kit = build_command_kit(config, &ACCOUNTS_SERVICE).await?;
    migrate(kit.db()?, (ACCOUNTS_SERVICE.mount)(&kit)?.migrations).await?;
    hearth_accounts::recover_user(&kit, name, operator).await
}
