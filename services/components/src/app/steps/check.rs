//! The step `check`: resolves the images, selects the commands, and pins the images until the deployment is finalized.

use std::collections::BTreeMap;

use hearth_base::{Error, ErrorKind, JobName, Result, Role};
use hearth_wire::{
    components::StepState,
    images::{
        PROCESSES_LABEL,
        internal::{ImageKind, ImageResolution, PinPut},
    },
};

use super::{
    super::{
        image_pins::{format_component_pin, format_pin_holder},
        revision_spec,
        running::RunningDeployment,
    },
    NO_PROCESS_CODE,
};

/// Resolves and pins the images and selects the commands.
pub async fn run_check_step(running: &RunningDeployment<'_>) -> Result<StepState> {
    let names: Vec<JobName> = running.read(|content| content.components.keys().cloned().collect()).await;
    running.run_side_by_side(&names, |name| async move { check_component(running, &name).await }).await?;
    pin_kept_images(running).await?;
    Ok(StepState::Done)
}

async fn check_component(running: &RunningDeployment<'_>, name: &JobName) -> Result<()> {
    let owner = running.read(|content| content.find_image_owner(name).clone()).await;
    let component = running.find_component(name).await?;
    let image = running.find_component(&owner).await?.progress.image;
    let images = running.cx.clients.create_client(Role::Images)?;
    let found = images.images_internal().resolve(running.tool, &image).await?;
    let requested = Some(component.spec.job.cmd.as_str()).filter(|command| !command.is_empty());
    let process = running.read(|content| content.find_component_name(name).to_owned()).await;
    let (command, message) = select_command(&found, &process, requested)?;
    pin_image(running, name, &found).await?;
    running
        .change_component(name, |component| {
            component.progress.image = found.reference;
            component.progress.command = command;
        })
        .await;
    running.set_message(name, message).await;
    Ok(())
}

async fn pin_image(running: &RunningDeployment<'_>, name: &JobName, image: &ImageResolution) -> Result<()> {
    let pin = PinPut { tool: running.tool, digest: image.digest };
    let is_primary =
        running.read(|content| content.find_primary().is_some_and(|(primary, _)| primary == name)).await;
    let holder =
        if is_primary { format_pin_holder(running.id) } else { format_component_pin(running.id, name) };
    let images = running.cx.clients.create_client(Role::Images)?;
    images.images_internal().pin_image(&holder, &pin).await.map(|_| ())
}

/// Pins the images of components that the new revision takes from the previous one. A component whose image is gone was
/// deleted by hand; the new revision lacks it. A preview creates no revision.
async fn pin_kept_images(running: &RunningDeployment<'_>) -> Result<()> {
    if running.read(|content| content.find_preview().is_some()).await {
        return Ok(());
    }
    let Some(previous) = running.cx.store.find_newest_revision(running.tool).await? else { return Ok(()) };
    let mut kept = previous.list_components();
    running
        .read(|content| {
            let is_kept = |name: &JobName| {
                !content.components.contains_key(name) && revision_spec::is_kept(content, name)
            };
            kept.retain(|name, _| is_kept(name));
        })
        .await;
    let images = running.cx.clients.create_client(Role::Images)?;
    let mut found_images = BTreeMap::new();
    for (name, component) in kept {
        match images.images_internal().resolve(running.tool, &component.job.imagename).await {
            Ok(found) => {
                found_images.insert(name, found);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    // Saved before the first pin, so that the finalization removes all of them.
    let names = found_images.keys().cloned().collect();
    running.save_change(|content| content.kept_components = Some(names)).await?;
    for (name, found) in &found_images {
        pin_image(running, name, found).await?;
    }
    Ok(())
}

/// Programs that a base image names as its command, but that are no service: a shell or an interpreter.
const INTERACTIVE_PROGRAMS: [&str; 7] = ["sh", "bash", "dash", "python", "python3", "node", "php"];

/// Selects the requested command, or else the image's process with the component's name, or else the image's own
/// command. Returns it with a message.
fn select_command(
    image: &ImageResolution,
    component: &str,
    requested: Option<&str>,
) -> Result<(String, String)> {
    if let Some(requested) = requested {
        return Ok((requested.to_owned(), format!("{component}: {requested}")));
    }
    let label = image.config.labels.get(PROCESSES_LABEL);
    let processes: BTreeMap<String, String> =
        label.and_then(|label| serde_json::from_str(label).ok()).unwrap_or_default();
    if let Some(line) = processes.get(component) {
        return Ok((component.to_owned(), format!("{component}: {line}")));
    }
    if processes.is_empty()
        && let Some(line) = render_own_command(image)
    {
        let message = format!("{component}: {line} (the command of the image)");
        return Ok((line, message));
    }
    let names: Vec<&str> = processes.keys().map(String::as_str).collect();
    let has = match names.as_slice() {
        [] => "it has none".to_owned(),
        names => format!("it has {}", names.join(", ")),
    };
    let what = format!("the image {} has no process {component}: {has}", image.image);
    Err(Error::conflict(NO_PROCESS_CODE, what)
        .help(format!("add a line `{component}: COMMAND` to the file Procfile, or name a command")))
}

/// Renders the image's own entrypoint and command as a line of the shell; `None` if it has none, or only an
/// interactive program.
fn render_own_command(image: &ImageResolution) -> Option<String> {
    let own: Vec<&str> =
        image.config.entrypoint.iter().chain(&image.config.cmd).map(String::as_str).collect();
    let name = own.first()?.rsplit('/').next().unwrap_or_default();
    let is_interactive = own.len() == 1 && INTERACTIVE_PROGRAMS.contains(&name);
    if image.kind != ImageKind::Built || name.is_empty() || is_interactive {
        return None;
    }
    shlex::try_join(own).ok()
}

#[cfg(test)]
mod tests {
    use hearth_base::Digest;
    use hearth_wire::images::internal::ImageConfig;

    use super::*;

    fn build_image(label: Option<&str>) -> ImageResolution {
        let labels = label.map(|label| (PROCESSES_LABEL.to_owned(), label.to_owned()));
        ImageResolution {
            image: "tool-hello/hello".to_owned(),
            reference: "hearth.internal/tool-hello/hello@sha256:00".to_owned(),
            digest: Digest::new([0; 32]),
            state: "stable".to_owned(),
            kind: ImageKind::Built,
            config: ImageConfig { labels: labels.into_iter().collect(), ..ImageConfig::default() },
        }
    }

    fn select_web_command(image: &ImageResolution, requested: Option<&str>) -> Result<String> {
        select_command(image, "web", requested).map(|(command, _)| command)
    }

    #[test]
    fn process_of_the_component_is_the_default_command() -> Result<()> {
        let image = build_image(Some(r#"{"web": "python app.py", "worker": "./work"}"#));
        assert_eq!(select_web_command(&image, None)?, "web");
        assert_eq!(select_web_command(&image, Some("./other --flag"))?, "./other --flag");
        Ok(())
    }

    #[test]
    fn error_about_a_missing_process_lists_the_processes_of_the_image() {
        let error_message = |image: &ImageResolution| {
            select_web_command(image, None).map_err(|error| error.public_message().to_owned())
        };
        let worker = build_image(Some(r#"{"worker": "./work", "cron": "x"}"#));
        let expected = "the image tool-hello/hello has no process web: it has cron, worker";
        assert_eq!(error_message(&worker), Err(expected.to_owned()));
        for none in [None, Some("{}"), Some("not JSON")] {
            assert!(error_message(&build_image(none)).is_err_and(|message| message.ends_with("it has none")));
        }
    }

    #[test]
    fn image_without_processes_starts_its_own_command() -> Result<()> {
        let with_command = |entrypoint: &[&str], cmd: &[&str]| {
            let mut image = build_image(None);
            let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            image.config =
                ImageConfig { entrypoint: texts(entrypoint), cmd: texts(cmd), ..ImageConfig::default() };
            image
        };
        for (entrypoint, cmd, line) in [
            (&["./serve"][..], &[][..], "./serve"),
            (&[], &["python3", "-m", "http.server"], "python3 -m http.server"),
            (&["/init"], &["/bin/sh", "-c", "serve $PORT"], "/init /bin/sh -c 'serve $PORT'"),
        ] {
            assert_eq!(select_web_command(&with_command(entrypoint, cmd), None)?, line);
        }
        // The shell of a base image is no service.
        for cmd in [&["/bin/bash"][..], &["python3"], &[]] {
            assert!(select_web_command(&with_command(&[], cmd), None).is_err(), "{cmd:?}");
        }
        Ok(())
    }
}
