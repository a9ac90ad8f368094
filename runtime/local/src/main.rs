//! `hearth-runtime`: the runtime process alone, as `hearthd` starts it for the role `runtime`. Tests use it
//! too.

use std::{sync::Arc, time::Duration};

use hearth_base::SystemClock;
use hearth_runtime_api::wire::AllowedCallers;
use hearth_runtime_local::{LocalRuntime, LocalRuntimeSettings, PortForward, run_if_subprocess};

const USAGE_TEXT: &str = "usage: hearth-runtime INSTANCE STATE-FOLDER UID [FIRST-ID [FIRST-PAUSE-MS [LAYER-BYTES [LAYER-ENTRIES [PORT=ADDRESS:PORT | large-helpers]...]]]]
Starts containers for callers that run as the user UID. Containers keep running when this process is stopped.";

fn main() -> std::process::ExitCode {
    run_if_subprocess();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((settings, uid)) = parse_arguments(&arguments) else {
        print_error(USAGE_TEXT);
        return 2.into();
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(hearth_base::Error::internal).and_then(|runtime| {
        runtime.block_on(async {
            let local = LocalRuntime::open(settings, Arc::new(SystemClock))?;
            local.serve_callers(AllowedCallers { uids: vec![uid] }).await
        })
    });
    match done {
        Ok(()) => 0.into(),
        Err(error) => {
            print_error(&format!("{error}\n{}", error.help_text().unwrap_or_default()));
            1.into()
        }
    }
}

fn parse_arguments(arguments: &[String]) -> Option<(LocalRuntimeSettings, u32)> {
    let [instance, state, uid, rest @ ..] = arguments else { return None };
    let mut settings = LocalRuntimeSettings::new(instance, state);
    if let Some(ids) = rest.first() {
        settings.first_id = ids.parse().ok()?;
    }
    if let Some(pause) = rest.get(1) {
        settings.pauses.initial_delay = Duration::from_millis(pause.parse().ok()?);
    }
    if let Some(bytes) = rest.get(2) {
        settings.layer_limits.bytes = bytes.parse().ok()?;
    }
    if let Some(entries) = rest.get(3) {
        settings.layer_limits.entries = entries.parse().ok()?;
    }
    for door in rest.iter().skip(4) {
        if door == "large-helpers" {
            settings.small_helpers = false;
            continue;
        }
        let (port, to) = door.split_once('=')?;
        settings.port_forwards.push(PortForward { port: port.parse().ok()?, target: to.parse().ok()? });
    }
    Some((settings, uid.parse().ok()?))
}

#[expect(
    clippy::print_stderr,
    reason = "a program without a log prints its error to the process that started it"
)]
fn print_error(text: &str) {
    eprintln!("{text}");
}
