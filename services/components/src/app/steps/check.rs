//! Check: the image is there, and it is known what is to be started in it. It is kept from here on.

use std::collections::BTreeMap;

use hearth_base::{Error, JobName, Result, Role};
use hearth_wire::{
    components::{StepName, StepState},
    images::{
        PROCESSES_LABEL,
        internal::{PinPut, Resolved},
    },
};

use super::{super::after::holder, say};
use crate::{cx::Cx, store::Deployment};

/// Pins the image and finds the command.
pub async fn take(cx: &Cx, deployment: &mut Deployment) -> Result<StepState> {
    let images = cx.clients.of(Role::Images)?;
    let found = images.images_internal().resolve(deployment.tool, &deployment.progress.image).await?;
    let (command, said) = command(&found, &deployment.component, deployment.command.as_deref())?;
    let pin = PinPut { tool: deployment.tool, digest: found.digest };
    images.images_internal().pin(&holder(deployment.id), &pin).await?;
    deployment.progress.image = found.reference;
    deployment.progress.command = command;
    say(deployment, StepName::Check, said);
    Ok(StepState::Done)
}

/// The command that was asked for, or the image's process of the component's name; and what people are told.
fn command(image: &Resolved, component: &JobName, asked: Option<&str>) -> Result<(String, String)> {
    if let Some(asked) = asked {
        return Ok((asked.to_owned(), format!("{component}: {asked}")));
    }
    let label = image.config.labels.get(PROCESSES_LABEL);
    let processes: BTreeMap<String, String> =
        label.and_then(|label| serde_json::from_str(label).ok()).unwrap_or_default();
    if let Some(line) = processes.get(component.as_ref()) {
        return Ok((component.to_string(), format!("{component}: {line}")));
    }
    let names: Vec<&str> = processes.keys().map(String::as_str).collect();
    let has = match names.as_slice() {
        [] => "it has none".to_owned(),
        names => format!("it has {}", names.join(", ")),
    };
    let what = format!("the image {} has no process {component}: {has}", image.image);
    Err(Error::conflict("no-process", what)
        .help(format!("add a line `{component}: COMMAND` to the file Procfile, or name a command")))
}

#[cfg(test)]
mod tests {
    use hearth_base::Digest;
    use hearth_wire::images::internal::{ImageConfig, ImageKind};

    use super::*;

    fn image(label: Option<&str>) -> Resolved {
        let labels = label.map(|label| (PROCESSES_LABEL.to_owned(), label.to_owned()));
        Resolved {
            image: "tool-hello/hello".to_owned(),
            reference: "hearth.internal/tool-hello/hello@sha256:00".to_owned(),
            digest: Digest::new([0; 32]),
            state: "stable".to_owned(),
            kind: ImageKind::Built,
            config: ImageConfig { labels: labels.into_iter().collect(), ..ImageConfig::default() },
        }
    }

    fn web(image: &Resolved, asked: Option<&str>) -> Result<String> {
        command(image, &"web".parse()?, asked).map(|(command, _)| command)
    }

    #[test]
    fn the_process_of_the_components_name_is_started_unless_another_command_is_named() -> Result<()> {
        let image = image(Some(r#"{"web": "python app.py", "worker": "./work"}"#));
        assert_eq!(web(&image, None)?, "web");
        assert_eq!(web(&image, Some("./other --flag"))?, "./other --flag");
        Ok(())
    }

    #[test]
    fn an_image_without_the_process_says_which_it_has() {
        let told = |image: &Resolved| web(image, None).map_err(|error| error.public().to_owned());
        let worker = image(Some(r#"{"worker": "./work", "cron": "x"}"#));
        let expected = "the image tool-hello/hello has no process web: it has cron, worker";
        assert_eq!(told(&worker), Err(expected.to_owned()));
        for none in [None, Some("{}"), Some("not JSON")] {
            assert!(told(&image(none)).is_err_and(|said| said.ends_with("it has none")));
        }
    }
}
