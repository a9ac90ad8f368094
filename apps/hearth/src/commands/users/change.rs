//! `hearth users disable|enable|promote|demote USER`.

use hearth_base::Result;
use hearth_wire::accounts::{User, UserPatch};
use serde::{Deserialize, Serialize};

use super::UserActionArgs;
use crate::context::CommandContext;

/// A change of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserChange {
    Disable,
    Enable,
    Promote,
    Demote,
}

impl UserChange {
    fn to_patch(self) -> UserPatch {
        match self {
            Self::Disable => UserPatch { disabled: Some(true), operator: None },
            Self::Enable => UserPatch { disabled: Some(false), operator: None },
            Self::Promote => UserPatch { disabled: None, operator: Some(true) },
            Self::Demote => UserPatch { disabled: None, operator: Some(false) },
        }
    }

    /// The verb of the change, and the state after it.
    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Disable => ("disable", "is disabled; sessions and tokens no longer work"),
            Self::Enable => ("enable", "is enabled"),
            Self::Promote => ("promote", "is an operator"),
            Self::Demote => ("demote", "is no operator any more"),
        }
    }
}

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedChange {
    user: String,
    change: String,
}

/// Changes the user.
pub async fn run(cx: &CommandContext, args: UserActionArgs, change: UserChange) -> Result<()> {
    let UserActionArgs { user, dry_run } = args;
    let (verb, state) = change.describe();
    if dry_run.dry_run {
        let result = cx.printer.open_output::<PlannedChange>()?;
        let planned = PlannedChange { user: user.to_string(), change: verb.to_owned() };
        return result.print_sentence(&planned, &format!("would {verb} {user}"));
    }
    let result = cx.printer.open_output::<User>()?;
    if change == UserChange::Disable {
        cx.require_confirmation(verb, &format!("the user {user}")).await?;
    }
    let session = cx.open_session()?;
    let changed = session.send(session.client.accounts().update_user(&user, &change.to_patch())).await?;
    result.print_done(&changed, &format!("{user} {state}"))
}
