//! The runtime's process alone: what `hearthd` starts for the role `runtime`, for tests and for looking at.

use std::{sync::Arc, time::Duration};

use hearth_base::SystemClock;
use hearth_runtime_api::wire::Callers;
use hearth_runtime_local::{Doorway, Local, Settings, run_if_helper};

const USAGE: &str = "usage: hearth-runtime INSTANCE STATE-FOLDER UID [FIRST-ID [FIRST-PAUSE-MS [LAYER-BYTES [LAYER-ENTRIES [PORT=ADDRESS:PORT | large-helpers]...]]]]
Starts containers for callers that run as the user UID, until it is ended; containers go on running.";

fn main() -> std::process::ExitCode {
    run_if_helper();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((settings, uid)) = read(&arguments) else {
        complain(USAGE);
        return 2.into();
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(hearth_base::Error::internal).and_then(|runtime| {
        runtime.block_on(async {
            let local = Local::open(settings, Arc::new(SystemClock))?;
            local.serve(Callers { uids: vec![uid] }).await
        })
    });
    match done {
        Ok(()) => 0.into(),
        Err(error) => {
            complain(&format!("{error}\n{}", error.next().unwrap_or_default()));
            1.into()
        }
    }
}

fn read(arguments: &[String]) -> Option<(Settings, u32)> {
    let [instance, state, uid, rest @ ..] = arguments else { return None };
    let mut settings = Settings::new(instance, state);
    if let Some(ids) = rest.first() {
        settings.ids = ids.parse().ok()?;
    }
    if let Some(pause) = rest.get(1) {
        settings.pauses.first = Duration::from_millis(pause.parse().ok()?);
    }
    if let Some(bytes) = rest.get(2) {
        settings.layer.bytes = bytes.parse().ok()?;
    }
    if let Some(entries) = rest.get(3) {
        settings.layer.entries = entries.parse().ok()?;
    }
    for door in rest.iter().skip(4) {
        if door == "large-helpers" {
            settings.small_helpers = false;
            continue;
        }
        let (port, to) = door.split_once('=')?;
        settings.doors.push(Doorway { port: port.parse().ok()?, to: to.parse().ok()? });
    }
    Some((settings, uid.parse().ok()?))
}

#[expect(clippy::print_stderr, reason = "a program without a log tells its starter why it ends")]
fn complain(text: &str) {
    eprintln!("{text}");
}
