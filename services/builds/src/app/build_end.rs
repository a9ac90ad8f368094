//! The end of a build: it is stored with its event, in the transaction that ends it.

use hearth_base::Result;
use hearth_kit::{db::Tx, events::NewEvent};
use hearth_wire::{
    builds::{
        BuildStatus,
        events::{BuildEvent, BuildEventData},
    },
    events::{Notice, NoticeFact},
};

use super::credentials;
use crate::{context::BuildsContext, store::Build};

/// Stores a build that ends now, with the event about its end. The caller has locked the row, in whose stored state the
/// build has not ended: so the event is appended once. An outside builder has the build no longer.
pub async fn store_ended_build(cx: &BuildsContext, tx: &Tx, build: &mut Build) -> Result<()> {
    credentials::release_outside_build(cx, tx, build).await?;
    cx.store.update_build(tx, build).await?;
    append_end_event(cx, tx, build).await
}

/// Appends the event about the end of a build, in the transaction that stores the ended build.
pub async fn append_end_event(cx: &BuildsContext, tx: &Tx, build: &Build) -> Result<()> {
    let Some(event) = build_end_event(cx, build) else { return Ok(()) };
    let event =
        NewEvent::new(cx.generate_id(), cx.now(), &event)?.with_notice(build_notice(&event).as_ref())?;
    cx.store.events.append(tx, [event]).await
}

/// Builds the event about the end of a build; `None` if it has not ended.
fn build_end_event(cx: &BuildsContext, build: &Build) -> Option<BuildEvent> {
    let to_event = match build.status {
        BuildStatus::BuildSuccess => BuildEvent::Succeeded,
        BuildStatus::BuildFailure | BuildStatus::BuildTimeout => BuildEvent::Failed,
        BuildStatus::BuildCancelled => BuildEvent::Cancelled,
        BuildStatus::BuildPending | BuildStatus::BuildRunning | BuildStatus::BuildUnknown => return None,
    };
    let parameters = &build.parameters;
    let unless_empty = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let url = format!("{}/builds/v1/tool/{}/builds/{}", cx.public_origin, build.tool_name, build.id);
    Some(to_event(BuildEventData {
        tool: build.tool_name.clone(),
        tool_id: build.tool,
        build: build.id,
        status: build.status,
        message: build.message.clone(),
        failure: build.failure.clone(),
        image_name: parameters.image_name.clone(),
        image: unless_empty(&build.destination_image),
        source_url: unless_empty(&parameters.source_url),
        reference: unless_empty(&parameters.reference),
        upload: parameters.upload,
        resolved_ref: build.resolved_ref.clone(),
        of_deployment: build.of_deployment,
        reused_build: build.reused_build,
        created: build.created,
        ended: build.ended?,
        url,
    }))
}

/// Builds the mail about the end of a build; `None` for a cancellation, and for a build of a deployment, whose end is
/// mailed.
fn build_notice(event: &BuildEvent) -> Option<Notice> {
    let (data, summary, command) = match event {
        BuildEvent::Succeeded(data) => (data, "succeeded".to_owned(), "show"),
        BuildEvent::Failed(data) => {
            let reason = data.message.lines().next().filter(|line| !line.is_empty());
            let reason = reason.unwrap_or("it ended without an image");
            (data, format!("failed: {reason}"), "logs")
        }
        BuildEvent::Cancelled(_) => return None,
    };
    if data.of_deployment {
        return None;
    }
    let mut facts = Vec::new();
    if let Some(failure) = &data.failure {
        facts.extend(failure.line.as_ref().map(|line| NoticeFact::new("why", line.as_str())));
        facts.push(NoticeFact::new("help", failure.next_step.as_str()));
    }
    let source = data.source_url.as_deref().unwrap_or("an uploaded folder");
    facts.push(NoticeFact::new("source", format!("{source}, {}", data.resolved_ref)));
    facts.extend(data.image.as_ref().map(|image| NoticeFact::new("image", image.as_str())));
    facts.push(NoticeFact::new("link", data.url.as_str()));
    Some(Notice {
        subject: format!("build of {}", data.image_name),
        summary,
        facts,
        next_command: Some(format!("hearth build {command} {}", data.build)),
        ..Notice::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_data(document: &str) -> BuildEventData {
        serde_json::from_str(document).unwrap_or_else(|error| panic!("{error}"))
    }

    const FAILED_BUILD: &str = include_str!("../store/golden/event-failed-1.json");

    #[test]
    fn notice_of_a_failed_build_has_the_reason_and_one_link() {
        let notice = build_notice(&BuildEvent::Failed(read_data(FAILED_BUILD))).unwrap_or_default();
        assert_eq!(notice.subject, "build of tool-site");
        assert_eq!(notice.summary, "failed: pip ended with status 1");
        let facts: Vec<_> = notice.facts.iter().map(|fact| (&*fact.label, &*fact.text)).collect();
        assert_eq!(
            facts,
            [
                ("why", "no matching distribution found for flaks"),
                ("help", "Correct the name."),
                ("source", "https://code.example/site.git, 5f70bf18a086007016e948b04aed3b82103a36be"),
                (
                    "link",
                    "https://hearth.example/builds/v1/tool/site/builds/build_01m7y17883gp14c8thc31b43dg"
                ),
            ]
        );
        assert!(notice.output.is_empty());
    }

    #[test]
    fn build_of_a_deployment_and_cancelled_build_cause_no_mail() {
        let data = BuildEventData { of_deployment: true, ..read_data(FAILED_BUILD) };
        assert_eq!(build_notice(&BuildEvent::Failed(data.clone())), None);
        assert_eq!(build_notice(&BuildEvent::Succeeded(data)), None);
        assert_eq!(build_notice(&BuildEvent::Cancelled(read_data(FAILED_BUILD))), None);
    }
}
