//! `hearth-runtime`: the runtime process alone, as `hearthd` starts it for the role `runtime`. Tests use it
//! too.

use std::{sync::Arc, time::Duration};

use hearth_base::SystemClock;
use hearth_runtime_api::wire::AllowedCallers;
use hearth_runtime_local::{
    LocalRuntime, LocalRuntimeSettings, PortForward, StorageQuota, raise_open_file_limit, run_if_subprocess,
};

const USAGE_TEXT: &str = "usage: hearth-runtime INSTANCE STATE-FOLDER UID [FIRST-ID [FIRST-PAUSE-MS [LAYER-BYTES [LAYER-ENTRIES [PORT=ADDRESS:PORT | large-helpers | min-free-disk=BYTES | namespace=BYTES | smtp | refuse=NETWORK | home=SIZE:INODES | cache=SIZE:INODES]...]]]]
Starts containers for callers that run as the user UID. Containers keep running when this process is stopped.";

fn main() -> std::process::ExitCode {
    run_if_subprocess();
    raise_open_file_limit();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
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
        if door == "smtp" {
            settings.smtp_allowed = true;
            continue;
        }
        if let Some(network) = door.strip_prefix("refuse=") {
            settings.refused_networks.push(network.parse().ok()?);
            continue;
        }
        if let Some(bytes) = door.strip_prefix("min-free-disk=") {
            settings.min_free_disk = bytes.parse().ok()?;
            continue;
        }
        if let Some(bytes) = door.strip_prefix("namespace=") {
            settings.namespace_bytes = bytes.parse().ok()?;
            continue;
        }
        let (port, to) = door.split_once('=')?;
        if matches!(port, "home" | "cache") {
            let (size, inodes) = to.split_once(':')?;
            let quota = StorageQuota { size: size.parse().ok()?, inodes: inodes.parse().ok()? };
            *(if port == "home" { &mut settings.home_quota } else { &mut settings.cache_quota }) = quota;
            continue;
        }
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
