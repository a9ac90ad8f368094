//! Probes of the fake. Scripts decide the outcomes; containers with an address receive real network probes.

use async_trait::async_trait;

use crate::{
    ExecInput, ExecRequest, ProbeCheck, ProbeFailure, ProbeOutcome, Process, Termination,
    engine::{ProbeRequest, Prober},
    probe_address,
};

use super::{FakeDriver, fake_instance};

#[async_trait]
impl Prober for FakeDriver {
    async fn send(&self, probe: ProbeRequest) -> ProbeOutcome {
        let ProbeRequest { instance, workload, address, check, timeout } = probe;
        let Ok(container) = self.find_instance(instance) else { return ProbeOutcome::NotSent };
        if let Some(failure) = container.probe_failure() {
            return ProbeOutcome::Failed(failure);
        }
        let argv = match check {
            ProbeCheck::Exec { argv } => argv,
            check => {
                return match address {
                    Some(address) => probe_address(address, &check, timeout).await,
                    None => container.answer_probe(&check),
                };
            }
        };
        let process = Process { argv, ..workload.process.clone() };
        let process =
            match process.unseal_variables(&self.keys, workload.owner, workload.network.name.as_ref()) {
                Ok(process) => process,
                Err(_) => return ProbeOutcome::NotSent,
            };
        let mut session =
            fake_instance::exec_script(&container, ExecRequest { instance, process, terminal: None });
        let ended = async {
            let _may_have_ended = session.input.send(ExecInput::Close).await;
            session.wait_for_end().await
        };
        match tokio::time::timeout(timeout, ended).await {
            Ok(Some(Termination::Exited { code: 0 })) => ProbeOutcome::Passed,
            Ok(Some(Termination::Exited { code })) => ProbeOutcome::Failed(ProbeFailure::Exited { code }),
            Ok(Some(_)) => ProbeOutcome::Failed(ProbeFailure::DidNotExit),
            Ok(None) => ProbeOutcome::NotSent,
            Err(_) => ProbeOutcome::Failed(ProbeFailure::TimedOut),
        }
    }
}
