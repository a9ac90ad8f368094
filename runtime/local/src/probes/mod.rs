//! Probes of this machine's containers. HTTP and TCP probes are sent by one process without any powers, for it reads
//! what tools send; programs are started in the container as any second program is.

mod client;
mod message;
mod process;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use hearth_runtime_api::{
    End, Exec, ExecInput, ProbeCheck, ProbeFailure, ProbeOutcome, Process,
    engine::{ProbeRequest, Prober},
};

use crate::{
    driver::Helpers,
    exec,
    helper::files::{self, Began},
};

pub use process::main;

use client::ProbeProcess;

/// Sends the engine's probes.
pub struct LocalProber {
    helpers: Arc<Helpers>,
    network: ProbeProcess,
}

impl LocalProber {
    /// A prober whose process is started at once, and started again whenever it ends. Needs a tokio runtime.
    pub fn start(helpers: Arc<Helpers>) -> Self {
        let network = ProbeProcess::start(helpers.networks.probe_user());
        Self { helpers, network }
    }

    async fn send_exec(&self, probe: ProbeRequest, argv: Vec<String>) -> ProbeOutcome {
        let ProbeRequest { instance, workload, timeout, .. } = probe;
        let folder = self.helpers.disk.folder_of(instance);
        let init = files::read::<Began>(&folder, files::STATE).ok().flatten().and_then(|began| began.init);
        let Some(init) = init else { return ProbeOutcome::NotSent };
        let process = Process { argv, ..workload.process.clone() };
        let (owner, name) = (workload.owner, workload.network.name.as_ref());
        let Ok(process) = process.opened(&self.helpers.keys, owner, name) else {
            return ProbeOutcome::NotSent;
        };
        let exec = Exec { instance, process, terminal: None };
        let cgroup = self.helpers.cgroup(instance);
        let container = exec::Container { init: init.process, cgroup, isolation: workload.isolation };
        let started = exec::start_program(container, exec, Some(timeout)).await;
        let Ok(mut session) = started else { return ProbeOutcome::NotSent };
        // A program that does not read its input has ended all the same.
        let _may_have_ended = session.input.send(ExecInput::Close).await;
        match session.wait_for_end().await {
            Some(End::Exited { code: 0 }) => ProbeOutcome::Passed,
            Some(End::Exited { code }) => ProbeOutcome::Failed(ProbeFailure::Exited { code }),
            Some(End::TimedOut) => ProbeOutcome::Failed(ProbeFailure::TimedOut),
            Some(End::Killed { .. } | End::OutOfMemory) => ProbeOutcome::Failed(ProbeFailure::DidNotExit),
            // The container has ended meanwhile, or this host could not start another process.
            None | Some(End::NotStarted { .. } | End::Lost) => ProbeOutcome::NotSent,
        }
    }
}

#[async_trait]
impl Prober for LocalProber {
    async fn send(&self, probe: ProbeRequest) -> ProbeOutcome {
        match (&probe.check, probe.address) {
            (ProbeCheck::Exec { argv }, _) => {
                let argv = argv.clone();
                self.send_exec(probe, argv).await
            }
            (_, None) => ProbeOutcome::Failed(ProbeFailure::NoAddress),
            (check, Some(address)) => self.network.send_probe(address, check, probe.timeout).await,
        }
    }
}

/// The pause before a process that ended is started again, doubled from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(30);
