//! `hearth tool quota`: shows the limits of a tool; operators change them.

use hearth_base::{Error, Result, ToolName};
use hearth_wire::tools::{Quota, QuotaPatch};
use serde_json::{Map, Value};

use crate::{
    context::CommandContext,
    flags::DryRun,
    printer::{Cell, Table},
};

/// The arguments of `hearth tool quota`.
#[derive(Debug, clap::Args)]
pub struct ToolQuotaArgs {
    /// The tool; default: this folder's
    name: Option<ToolName>,
    /// Change a limit, as in memory=16Gi; LIMIT default restores this Hearth's default
    #[arg(long, value_name = "RESOURCE=LIMIT")]
    set: Vec<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Shows or changes the limits.
pub async fn run(cx: &CommandContext, args: ToolQuotaArgs) -> Result<()> {
    let result = cx.printer.open_output::<Quota>()?;
    let ToolQuotaArgs { name, set, dry_run } = args;
    let patch = parse_patch(&set)?;
    let tool = super::choose_tool(cx, name)?;
    let session = cx.open_session()?;
    let tools = session.client.tools();
    if set.is_empty() || dry_run.dry_run {
        let quota = session.send_about_tool(&tool, tools.show_quota(&tool.value)).await?;
        return match set.is_empty() {
            true => result.print_record(&quota, &build_table(&quota)?),
            false => {
                result.print_sentence(&quota, &format!("would set {} of {}", set.join(", "), tool.value))
            }
        };
    }
    let quota = session.send_about_tool(&tool, tools.update_quota(&tool.value, &patch)).await?;
    result.print_done(&quota, &format!("{} has {}", tool.value, set.join(", ")))
}

/// Converts a quota to limits by their typed names.
fn to_limits(quota: &Quota) -> Result<Map<String, Value>> {
    match serde_json::to_value(quota).map_err(Error::internal)? {
        Value::Object(limits) => {
            Ok(limits.into_iter().map(|(name, limit)| (name.replace('_', "-"), limit)).collect())
        }
        _ => Err(Error::internal("a quota has no limits")),
    }
}

fn build_table(quota: &Quota) -> Result<Table> {
    let shown = |limit: Value| match limit {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let limits = to_limits(quota)?;
    let mut table = Table::with_headings(&["name", "limit"]);
    for (name, limit) in limits {
        table.add_row([Cell::from(name), Cell::from(shown(limit))]);
    }
    Ok(table)
}

/// Parses changes of limits, as in `memory=16Gi`.
pub fn parse_patch(set: &[String]) -> Result<QuotaPatch> {
    let limits = to_limits(&Quota::default())?;
    let mut changes = Map::new();
    for change in set {
        let Some((name, limit)) = change.split_once('=') else {
            return Err(Error::invalid("quota", format!("{change:.60?} has no limit"))
                .help("write it as in --set memory=16Gi"));
        };
        let Some(sort) = limits.get(name) else {
            let names: Vec<&str> = limits.keys().map(String::as_str).collect();
            return Err(Error::invalid("quota", format!("unknown limit {name:.40?}"))
                .help(format!("name one of {}", names.join(", "))));
        };
        let limit = match limit {
            "default" => Value::Null,
            number if sort.is_number() => number.parse::<u32>().map(Value::from).map_err(|_| {
                Error::invalid("quota", format!("invalid number for {name}: {number:.40?}"))
                    .help("write a whole number")
            })?,
            text => Value::from(text),
        };
        let field = name.replace('-', "_");
        // Parsed alone, so that the error names this change.
        let one = Value::Object(Map::from_iter([(field.clone(), limit.clone())]));
        serde_json::from_value::<QuotaPatch>(one).map_err(|cause| {
            Error::invalid("quota", format!("invalid limit {change:.60?}: {cause}"))
                .help("write it as in memory=16Gi or cpu=0.5")
        })?;
        changes.insert(field, limit);
    }
    serde_json::from_value(Value::Object(changes)).map_err(Error::internal)
}
