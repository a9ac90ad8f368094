//! `hearth diff A [B]`: compares two revisions: commits, images and jobs of their components, field by field.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Error, JobName, PageLimit, Result};
use hearth_wire::{
    components::{Revision, RevisionComponent},
    reply::Paging,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// The number of characters of a commit or a digest that identify it for a reader.
const SHORT_DIGEST_CHARS: usize = 12;

/// The arguments of `hearth diff`.
#[derive(Debug, clap::Args)]
pub struct CompareRevisionsArgs {
    /// The revision to compare
    #[arg(value_name = "REVISION")]
    from: u32,
    /// The revision to compare it with; default: the newest
    #[arg(value_name = "OTHER")]
    to: Option<u32>,
}

/// The differences between two revisions.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct RevisionDifference {
    from: u32,
    to: u32,
    /// The changes, by component.
    changes: Vec<ComponentChange>,
}

/// One difference of a component.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ComponentChange {
    component: JobName,
    change: ChangeKind,
    /// The changed field; absent for a component that is added or removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The former value, or the removed component; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    /// The new value, or the added component; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
}

/// The kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ChangeKind {
    Added,
    Removed,
    Changed,
}

/// Compares the revisions.
pub async fn run(cx: &CommandContext, args: CompareRevisionsArgs) -> Result<()> {
    let result = cx.printer.open_output::<RevisionDifference>()?;
    let session = cx.open_tool_session()?;
    let from = fetch_revision(&session, args.from).await?;
    let to = match args.to {
        Some(number) => fetch_revision(&session, number).await?,
        None => fetch_newest_revision(&session).await?,
    };
    let difference = RevisionDifference {
        from: from.number,
        to: to.number,
        changes: compare_components(&from.list_components(), &to.list_components())?,
    };
    if difference.changes.is_empty() {
        let sentence = format!("the components of revisions {} and {} are the same", from.number, to.number);
        return result.print_sentence(&difference, &sentence);
    }
    result.print_record(&difference, &build_difference_table(&difference.changes))
}

async fn fetch_revision(session: &ToolSession<'_>, number: u32) -> Result<Revision> {
    session.send(session.client().components().show_revision(session.tool_name(), number)).await
}

async fn fetch_newest_revision(session: &ToolSession<'_>) -> Result<Revision> {
    let paging = Paging { limit: PageLimit::new(1)?, cursor: None };
    let page =
        session.send(session.client().components().list_revisions(session.tool_name(), &paging)).await?;
    page.revisions.into_iter().next().ok_or_else(|| Error::not_found("revision", 1).help("hearth deploy"))
}

/// Lists the differences by component, then by field.
fn compare_components(
    from: &BTreeMap<JobName, RevisionComponent>,
    to: &BTreeMap<JobName, RevisionComponent>,
) -> Result<Vec<ComponentChange>> {
    let mut changes = Vec::new();
    for name in from.keys().chain(to.keys()).collect::<BTreeSet<_>>() {
        let before = from.get(name).map(list_fields).transpose()?;
        let after = to.get(name).map(list_fields).transpose()?;
        let (change, before, after) = match (before, after) {
            (Some(before), Some(after)) => {
                changes.extend(compare_fields(name, before, after));
                continue;
            }
            (before, after) => {
                let change = if before.is_some() { ChangeKind::Removed } else { ChangeKind::Added };
                (change, before, after)
            }
        };
        let to_value = |fields: BTreeMap<String, Value>| Value::Object(fields.into_iter().collect());
        changes.push(ComponentChange {
            component: name.clone(),
            change,
            field: None,
            before: before.map(to_value),
            after: after.map(to_value),
        });
    }
    Ok(changes)
}

fn compare_fields(
    component: &JobName,
    mut before: BTreeMap<String, Value>,
    mut after: BTreeMap<String, Value>,
) -> Vec<ComponentChange> {
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let changes = names.into_iter().filter_map(|field| {
        let (before, after) = (before.remove(&field), after.remove(&field));
        let changed = ComponentChange {
            component: component.clone(),
            change: ChangeKind::Changed,
            field: Some(field),
            before,
            after,
        };
        (changed.before != changed.after).then_some(changed)
    });
    changes.collect()
}

/// Lists the fields of a component: those of its job under the names of the configuration, its commit and its source.
fn list_fields(component: &RevisionComponent) -> Result<BTreeMap<String, Value>> {
    let document = serde_json::to_value(component).map_err(Error::internal)?;
    let mut fields = BTreeMap::new();
    let Value::Object(parts) = document else { return Ok(fields) };
    for (part, value) in parts {
        match (part.as_str(), value) {
            ("job", Value::Object(job)) => {
                let named = job.into_iter().filter(|(field, _)| field != "name");
                fields.extend(named.map(|(field, value)| (name_job_field(field), value)));
            }
            ("resolved_ref", value) => {
                fields.insert("commit".to_owned(), value);
            }
            (_, value) => {
                fields.insert(part, value);
            }
        }
    }
    Ok(fields)
}

fn name_job_field(field: String) -> String {
    match field.as_str() {
        "imagename" => "image".to_owned(),
        "cmd" => "command".to_owned(),
        _ => field,
    }
}

fn build_difference_table(changes: &[ComponentChange]) -> Table {
    let mut table = Table::with_headings(&["component", "change", "before", "after"]);
    for ComponentChange { component, change, field, before, after } in changes {
        let what = match (change, field) {
            (ChangeKind::Added, _) => "added",
            (ChangeKind::Removed, _) => "removed",
            (ChangeKind::Changed, field) => field.as_deref().unwrap_or_default(),
        };
        table.add_row([
            Cell::from(component.as_str()),
            Cell::from(what),
            Cell::from(describe_value(before.as_ref())),
            Cell::from(describe_value(after.as_ref())),
        ]);
    }
    table
}

/// Describes a value; that of an added or removed component by its image and command.
fn describe_value(value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Value::String(text)) => shorten_digest(text),
        Some(component @ Value::Object(fields)) if fields.contains_key("image") => {
            let parts = ["image", "command"].map(|field| describe_value(component.get(field)));
            parts.join("  ")
        }
        Some(value) => value.to_string(),
    }
}

/// Shortens a commit, a digest, or the digest of an image.
fn shorten_digest(text: &str) -> String {
    let (before, digest) = match text.rsplit_once("sha256:") {
        Some((name, digest)) => (format!("{name}sha256:"), digest),
        None => (String::new(), text),
    };
    let is_digest = digest.len() >= 40 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { format!("{before}{}", &digest[..SHORT_DIGEST_CHARS]) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use hearth_wire::jobs::JobCreate;

    use super::*;

    fn build_component(name: &str, image: &str, command: &str) -> Result<RevisionComponent> {
        let job = JobCreate::new(name.parse()?, image, command);
        Ok(RevisionComponent::new(job))
    }

    #[test]
    fn components_are_compared_field_by_field() -> Result<()> {
        let web = build_component("web", "a", "serve")?;
        let old = build_component("old", "a", "old")?;
        let mut newer = web.clone();
        newer.job.replicas = Some(2);
        newer.job.imagename = "b".to_owned();
        newer.resolved_ref = "9f3c2ab".to_owned();
        let from = BTreeMap::from([("web".parse()?, web), ("old".parse()?, old)]);
        let to = BTreeMap::from([
            ("web".parse()?, newer),
            ("worker".parse()?, build_component("worker", "b", "work")?),
        ]);
        let changes = compare_components(&from, &to)?;
        let shown: Vec<_> = changes
            .iter()
            .map(|change| (change.component.as_str(), change.change, change.field.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("old", ChangeKind::Removed, None),
                ("web", ChangeKind::Changed, Some("commit")),
                ("web", ChangeKind::Changed, Some("image")),
                ("web", ChangeKind::Changed, Some("replicas")),
                ("worker", ChangeKind::Added, None),
            ]
        );
        assert_eq!(describe_value(changes[4].after.as_ref()), "b  work");
        assert!(compare_components(&to, &to)?.is_empty());
        Ok(())
    }

    #[test]
    fn digests_are_shortened_and_other_texts_are_not() {
        let hash = "0123456789abcdef".repeat(4);
        assert_eq!(shorten_digest(&format!("web@sha256:{hash}")), "web@sha256:0123456789ab");
        assert_eq!(shorten_digest(&hash), "0123456789ab");
        assert_eq!(shorten_digest("python3.11"), "python3.11");
    }
}
