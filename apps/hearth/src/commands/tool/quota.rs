//! `hearth tool quota`: how much a tool may use, and for operators to change it.

use hearth_base::{Error, Result, ToolName};
use hearth_wire::tools::{Quota, QuotaPatch};
use serde_json::{Map, Value};

use crate::{
    context::Context,
    flags::DryRun,
    printer::{Cell, Table},
};

/// What `hearth tool quota` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tool; absent: this folder's
    name: Option<ToolName>,
    /// Change a limit, as in memory=16Gi; to default, what this Hearth gives every tool
    #[arg(long, value_name = "WHAT=LIMIT")]
    set: Vec<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Shows it, or changes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Quota>()?;
    let Args { name, set, dry_run } = args;
    let patch = patch(&set)?;
    let tool = super::named(cx, name)?;
    let session = cx.session()?;
    let tools = session.client.tools();
    if set.is_empty() || dry_run.dry_run {
        let quota = session.ask_about(&tool, tools.quota(&tool.value)).await?;
        return match set.is_empty() {
            true => answer.shown(&quota, &table(&quota)?),
            false => answer.said(&quota, &format!("would set {} of {}", set.join(", "), tool.value)),
        };
    }
    let quota = session.ask_about(&tool, tools.quota_patch(&tool.value, &patch)).await?;
    answer.done(&quota, &format!("{} has {}", tool.value, set.join(", ")))
}

/// The limits by their names, as they are typed.
fn limits(quota: &Quota) -> Result<Map<String, Value>> {
    match serde_json::to_value(quota).map_err(Error::internal)? {
        Value::Object(limits) => {
            Ok(limits.into_iter().map(|(name, limit)| (name.replace('_', "-"), limit)).collect())
        }
        _ => Err(Error::internal("a quota has no limits")),
    }
}

fn table(quota: &Quota) -> Result<Table> {
    let shown = |limit: Value| match limit {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let limits = limits(quota)?;
    let mut table = Table::of(&["of", "limit"]);
    for (name, limit) in limits {
        table.row([Cell::from(name), Cell::from(shown(limit))]);
    }
    Ok(table)
}

fn patch(set: &[String]) -> Result<QuotaPatch> {
    let known = limits(&Quota::default())?;
    let mut changes = Map::new();
    for change in set {
        let Some((name, limit)) = change.split_once('=') else {
            return Err(Error::invalid("quota", format!("{change:.60?} says no limit"))
                .help("write it as in --set memory=16Gi"));
        };
        let Some(sort) = known.get(name) else {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            return Err(Error::invalid("quota", format!("nothing is limited that is called {name:.40?}"))
                .help(format!("name one of {}", names.join(", "))));
        };
        let limit = match limit {
            "default" => Value::Null,
            number if sort.is_number() => number.parse::<u32>().map(Value::from).map_err(|_| {
                Error::invalid("quota", format!("{number:.40?} is no number of {name}"))
                    .help("write a whole number")
            })?,
            text => Value::from(text),
        };
        let field = name.replace('-', "_");
        // Alone, so that whatever is wrong with it is said of it.
        let one = Value::Object(Map::from_iter([(field.clone(), limit.clone())]));
        serde_json::from_value::<QuotaPatch>(one).map_err(|cause| {
            Error::invalid("quota", format!("{change:.60?} is no limit: {cause}"))
                .help("write it as in memory=16Gi or cpu=0.5")
        })?;
        changes.insert(field, limit);
    }
    serde_json::from_value(Value::Object(changes)).map_err(Error::internal)
}
