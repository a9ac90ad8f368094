//! Probes of the fake: scripts say what they find, and containers with an address are really asked.

use async_trait::async_trait;

use crate::{
    End, Exec, ExecInput, ProbeCheck, ProbeFailure, ProbeOutcome, Process,
    engine::{ProbeRequest, Prober},
    probe_address,
};

use super::{Players, play};

#[async_trait]
impl Prober for Players {
    async fn send(&self, probe: ProbeRequest) -> ProbeOutcome {
        let ProbeRequest { instance, workload, address, check, timeout } = probe;
        let Ok(stage) = self.stage(instance) else { return ProbeOutcome::NotSent };
        let argv = match check {
            ProbeCheck::Exec { argv } => argv,
            check => {
                return match address {
                    Some(address) => probe_address(address, &check, timeout).await,
                    None => stage.answer_probe(&check),
                };
            }
        };
        let process = Process { argv, ..workload.process.clone() };
        let process = match process.opened(&self.keys, workload.owner, workload.network.name.as_ref()) {
            Ok(process) => process,
            Err(_) => return ProbeOutcome::NotSent,
        };
        let mut session = play::exec(&stage, Exec { instance, process, terminal: None });
        let ended = async {
            let _may_have_ended = session.input.send(ExecInput::Close).await;
            session.wait_for_end().await
        };
        match tokio::time::timeout(timeout, ended).await {
            Ok(Some(End::Exited { code: 0 })) => ProbeOutcome::Passed,
            Ok(Some(End::Exited { code })) => ProbeOutcome::Failed(ProbeFailure::Exited { code }),
            Ok(Some(_)) => ProbeOutcome::Failed(ProbeFailure::DidNotExit),
            Ok(None) => ProbeOutcome::NotSent,
            Err(_) => ProbeOutcome::Failed(ProbeFailure::TimedOut),
        }
    }
}
