//! Mail about ended deployments: decides which events are mailed and builds the text.

use hearth_base::EnvironmentName;
use hearth_wire::{
    components::{
        StepName,
        events::{DeploymentEvent, DeploymentEventData},
    },
    events::{Notice, NoticeFact},
};

/// Builds the mail about an event; `None` for a cancellation, which its author knows of, and for a preview, whose state
/// the forge shows: whoever pushes to merge requests does not send mail to maintainers.
pub fn build_notice(event: &DeploymentEvent) -> Option<Notice> {
    let (data, summary) = match event {
        DeploymentEvent::Succeeded(data) => {
            (data, format!("succeeded: {}", describe_revision(data.revision)))
        }
        DeploymentEvent::RolledBack(data) => {
            let restored = data.restored_revision.unwrap_or_default();
            (data, format!("returned the tool to revision {restored}: {}", describe_revision(data.revision)))
        }
        DeploymentEvent::Failed(data) => {
            (data, format!("failed: {}", data.reason.as_deref().unwrap_or("the reason is unknown")))
        }
        DeploymentEvent::Cancelled(_) => return None,
    };
    let environment = data.environment.as_deref().map(str::parse::<EnvironmentName>);
    if environment.is_some_and(|name| name.is_ok_and(|name| name.find_preview().is_some())) {
        return None;
    }
    let subject = match &data.environment {
        Some(environment) => format!("deployment of {environment}"),
        None => "deployment".to_owned(),
    };
    Some(Notice {
        subject,
        summary,
        facts: build_facts(data),
        next_command: Some(format!("hearth deployment show {}", data.deployment)),
        ..Notice::default()
    })
}

fn describe_revision(revision: Option<u32>) -> String {
    revision.map_or_else(|| "no revision runs".to_owned(), |number| format!("revision {number} runs"))
}

fn build_facts(data: &DeploymentEventData) -> Vec<NoticeFact> {
    let DeploymentEventData { by, description, component, step, rollback_error, help, page, url, .. } = data;
    let mut facts = Vec::new();
    facts.extend(component.as_ref().map(|component| NoticeFact::new("part", component.as_str())));
    facts.extend(step.map(|step| NoticeFact::new("step", name_step(step))));
    if data.reason.is_some() {
        facts.push(match rollback_error {
            Some(error) => {
                NoticeFact::new("back", format!("the return to the previous revision failed: {error}"))
            }
            None => NoticeFact::new("now", describe_revision(data.still_running)),
        });
    }
    facts.extend(help.as_ref().map(|help| NoticeFact::new("help", help.as_str())));
    facts.push(NoticeFact::new("by", by.as_str()));
    if !description.is_empty() {
        facts.push(NoticeFact::new("change", description.as_str()));
    }
    facts.push(match page {
        Some(page) => NoticeFact::new("page", page.as_str()),
        None => NoticeFact::new("link", url.as_str()),
    });
    facts
}

fn name_step(step: StepName) -> &'static str {
    match step {
        StepName::Source => "source",
        StepName::Build => "build",
        StepName::Check => "check",
        StepName::Start => "start",
        StepName::Switch => "switch",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_event(build: fn(DeploymentEventData) -> DeploymentEvent, document: &str) -> DeploymentEvent {
        build(serde_json::from_str(document).unwrap_or_else(|error| panic!("{error}")))
    }

    fn fact_pairs(notice: &Notice) -> Vec<(&str, &str)> {
        notice.facts.iter().map(|fact| (fact.label.as_str(), fact.text.as_str())).collect()
    }

    #[test]
    fn notice_of_a_failure_has_the_reason_and_one_link() {
        let failed = read_event(DeploymentEvent::Failed, include_str!("../store/golden/event-failed-1.json"));
        let notice = build_notice(&failed).unwrap_or_default();
        assert_eq!(notice.subject, "deployment of staging");
        assert_eq!(notice.summary, "failed: web ended 3 times right after its start: it ended with status 1");
        let link =
            "https://hearth.example/components/v1/tool/site/deployment/deployment_01m7y17883gp14c8thc31b43dg";
        assert_eq!(
            fact_pairs(&notice),
            [
                ("part", "web"),
                ("step", "switch"),
                ("now", "revision 2 runs"),
                ("help", "hearth jobs logs web"),
                ("by", "user ada"),
                ("change", "a change"),
                ("link", link),
            ]
        );
        assert!(notice.output.is_empty());
    }

    #[test]
    fn notice_of_a_rollback_names_both_revisions() {
        let document = include_str!("../store/golden/event-rolled-back-1.json");
        let notice = build_notice(&read_event(DeploymentEvent::RolledBack, document)).unwrap_or_default();
        assert_eq!(notice.summary, "returned the tool to revision 1: revision 3 runs");
        assert_eq!(fact_pairs(&notice), [("by", "user ada"), ("page", "https://site.hearth.example")]);
    }

    #[test]
    fn cancellation_causes_no_mail() {
        let document = include_str!("../store/golden/event-cancelled-1.json");
        assert_eq!(build_notice(&read_event(DeploymentEvent::Cancelled, document)), None);
    }
}
