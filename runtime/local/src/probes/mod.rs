//! Probes of this machine's containers. One subprocess without privileges sends HTTP and TCP probes, because
//! it parses untrusted answers. Exec probes start a program in the container, as `exec` does.

mod client;
mod listeners;
mod message;
mod process;

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use async_trait::async_trait;
use hearth_runtime_api::{
    ExecInput, ExecRequest, InstanceId, ProbeCheck, ProbeFailure, ProbeOutcome, Process, Termination,
    engine::{ProbeRequest, Prober},
};

use crate::{
    driver::ContainerManager,
    exec,
    helper::files::{self, HelperState, ProcessIdentity},
};

pub use process::main;

use client::ProbeProcess;

/// Prober of the engine for local containers.
pub struct LocalProber {
    helpers: Arc<ContainerManager>,
    network: ProbeProcess,
}

impl LocalProber {
    /// Starts the prober and its supervised process. Needs a tokio runtime.
    pub fn start(helpers: Arc<ContainerManager>) -> Self {
        let network = ProbeProcess::start(helpers.networks.probe_user());
        Self { helpers, network }
    }

    fn find_init(&self, instance: InstanceId) -> Option<ProcessIdentity> {
        let folder = self.helpers.layout.instance_folder(instance);
        let state = files::read_file::<HelperState>(&folder, files::STATE_FILE).ok().flatten()?;
        state.init.map(|init| init.process)
    }

    /// Sends a network probe. A refused connection is explained by the container's listening sockets.
    async fn send_network(&self, probe: ProbeRequest, address: Ipv4Addr) -> ProbeOutcome {
        let outcome = self.network.send_probe(address, &probe.check, probe.timeout).await;
        let refused = outcome == ProbeOutcome::Failed(ProbeFailure::NoConnection);
        let (true, Some(port), Some(init)) =
            (refused, probe.check.network_port(), self.find_init(probe.instance))
        else {
            return outcome;
        };
        let explained = self.helpers.run_blocking(move |_| listeners::explain_refusal(init, port)).await;
        explained.flatten().map_or(outcome, ProbeOutcome::Failed)
    }

    async fn send_exec(&self, probe: ProbeRequest, argv: Vec<String>) -> ProbeOutcome {
        let ProbeRequest { instance, workload, timeout, .. } = probe;
        let Some(init) = self.find_init(instance) else { return ProbeOutcome::NotSent };
        let process = Process { argv, ..workload.process.clone() };
        let (owner, name) = (workload.owner, workload.network.name.as_ref());
        let Ok(process) = process.unseal_variables(&self.helpers.opening_keys, owner, name) else {
            return ProbeOutcome::NotSent;
        };
        let exec = ExecRequest { instance, process, terminal: None };
        let cgroup = self.helpers.cgroup_path(instance);
        let container = exec::ExecTarget { init, cgroup, isolation: workload.isolation };
        let started = exec::start_program(container, exec, Some(timeout)).await;
        let Ok(mut session) = started else { return ProbeOutcome::NotSent };
        // An error means that the program has already closed its input.
        let _may_have_ended = session.input.send(ExecInput::Close).await;
        match session.wait_for_end().await {
            Some(Termination::Exited { code: 0 }) => ProbeOutcome::Passed,
            Some(Termination::Exited { code }) => ProbeOutcome::Failed(ProbeFailure::Exited { code }),
            Some(Termination::TimedOut) => ProbeOutcome::Failed(ProbeFailure::TimedOut),
            Some(Termination::Killed { .. } | Termination::OutOfMemory) => {
                ProbeOutcome::Failed(ProbeFailure::DidNotExit)
            }
            // The container has exited meanwhile, or this host could not start the process.
            None | Some(Termination::NotStarted { .. } | Termination::Lost) => ProbeOutcome::NotSent,
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
            (_, Some(address)) => self.send_network(probe, address).await,
        }
    }
}

/// Back-off before the process is restarted, doubled from the first to the maximum pause.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(30);
