//! `hearth` alone: where you are, and what to do next.

use hearth_base::{Kind, Result};

use super::status::{self, NOT_YOURS, Signed, Status};
use crate::context::Context;

/// Says it.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<Status>()?;
    let (status, signed) = status::gather(cx).await?;
    answer.shown(&status, &status::table(cx, &status))?;
    let server = cx.settings.server()?.value;
    let next = match &signed {
        Signed::Out { answers: true } => "hearth login".to_owned(),
        Signed::Refused(error) if error.kind() == Kind::Unauthenticated => "hearth login".to_owned(),
        Signed::Out { answers: false } | Signed::Refused(_) if server.is_local() => {
            "hearthd up --state FOLDER".to_owned()
        }
        Signed::Out { answers: false } | Signed::Refused(_) => "hearth login ADDRESS".to_owned(),
        Signed::In(_) => match cx.settings.tool() {
            Ok(Some(_)) if status.tool.note.as_deref() == Some(NOT_YOURS) => "hearth tool list".to_owned(),
            Ok(Some(_)) => "hearth tool show".to_owned(),
            Ok(None) => format!("hearth new {}", cx.proposed_name()),
            Err(error) => error.next().unwrap_or("hearth status").to_owned(),
        },
    };
    cx.printer.note("");
    cx.printer.next(&next);
    cx.printer.note("More: hearth -h");
    Ok(())
}
