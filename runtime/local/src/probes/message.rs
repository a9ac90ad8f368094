//! Messages between the runtime's process and the one that sends probes. The runtime believes nothing of what comes
//! back but a number that it gave itself and one of a few outcomes.

use std::{io, net::Ipv4Addr, time::Duration};

use hearth_runtime_api::{ProbeCheck, ProbeFailure, ProbeOutcome};
use serde::{Deserialize, Serialize};

/// The longest request: a path is bounded.
pub const MAX_REQUEST_BYTES: usize = 8 << 10;
/// The length of an answer: the request's number, the outcome, a status (both little endian).
pub const ANSWER_BYTES: usize = 11;

/// One probe to send, after four bytes of its length (little endian).
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub number: u64,
    pub address: Ipv4Addr,
    pub check: ProbeCheck,
    pub timeout: Duration,
}

impl Request {
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        let json = serde_json::to_vec(self)?;
        if json.len() > MAX_REQUEST_BYTES {
            return Err(io::Error::other("a probe is too long to send"));
        }
        let length = u32::try_from(json.len()).map_err(io::Error::other)?;
        Ok([&length.to_le_bytes(), json.as_slice()].concat())
    }
}

const PASSED: u8 = 0;
const NOT_SENT: u8 = 1;
const NO_CONNECTION: u8 = 2;
const TIMED_OUT: u8 = 3;
const NOT_HTTP: u8 = 4;
const STATUS: u8 = 5;

pub fn encode_answer(number: u64, outcome: ProbeOutcome) -> [u8; ANSWER_BYTES] {
    let (tag, status) = match outcome {
        ProbeOutcome::Passed => (PASSED, 0),
        ProbeOutcome::Failed(ProbeFailure::NoConnection) => (NO_CONNECTION, 0),
        ProbeOutcome::Failed(ProbeFailure::TimedOut) => (TIMED_OUT, 0),
        ProbeOutcome::Failed(ProbeFailure::NotHttp) => (NOT_HTTP, 0),
        ProbeOutcome::Failed(ProbeFailure::Status { status }) => (STATUS, status),
        ProbeOutcome::NotSent | ProbeOutcome::Failed(_) => (NOT_SENT, 0),
    };
    let mut answer = [0; ANSWER_BYTES];
    answer[..8].copy_from_slice(&number.to_le_bytes());
    answer[8] = tag;
    answer[9..].copy_from_slice(&status.to_le_bytes());
    answer
}

/// Reads an answer; `None`, when it is none.
pub fn decode_answer(answer: [u8; ANSWER_BYTES]) -> Option<(u64, ProbeOutcome)> {
    let (number, rest) = answer.split_first_chunk()?;
    let status = u16::from_le_bytes([rest[1], rest[2]]);
    let outcome = match (rest[0], status) {
        (PASSED, 0) => ProbeOutcome::Passed,
        (NOT_SENT, 0) => ProbeOutcome::NotSent,
        (NO_CONNECTION, 0) => ProbeOutcome::Failed(ProbeFailure::NoConnection),
        (TIMED_OUT, 0) => ProbeOutcome::Failed(ProbeFailure::TimedOut),
        (NOT_HTTP, 0) => ProbeOutcome::Failed(ProbeFailure::NotHttp),
        (STATUS, 100..=999) => ProbeOutcome::Failed(ProbeFailure::Status { status }),
        _ => return None,
    };
    Some((u64::from_le_bytes(*number), outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_runtime_api::HttpExpectation;

    #[test]
    fn answers_read_back() {
        let failed = [
            ProbeFailure::NoConnection,
            ProbeFailure::TimedOut,
            ProbeFailure::NotHttp,
            ProbeFailure::Status { status: 503 },
        ];
        let all =
            failed.map(ProbeOutcome::Failed).into_iter().chain([ProbeOutcome::Passed, ProbeOutcome::NotSent]);
        for (number, outcome) in (u64::MAX - 16..).zip(all) {
            assert_eq!(decode_answer(encode_answer(number, outcome)), Some((number, outcome)));
        }
    }

    #[test]
    fn answers_of_a_process_that_lies_are_refused() {
        let answer = |tag, [low, high]: [u8; 2]| [7, 0, 0, 0, 0, 0, 0, 0, tag, low, high];
        assert!(decode_answer(answer(PASSED, [0, 0])).is_some());
        for wrong in [
            answer(PASSED, [1, 0]),
            answer(6, [0, 0]),
            answer(255, [255, 255]),
            answer(STATUS, [99, 0]),
            answer(STATUS, 1000u16.to_le_bytes()),
            answer(STATUS, [255, 255]),
        ] {
            assert_eq!(decode_answer(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn longest_path_fits_into_a_request() -> io::Result<()> {
        let (path, expect) = (format!("/{}", "\"".repeat(1023)), HttpExpectation::AnyAnswer);
        let check = ProbeCheck::HttpGet { path, port: u16::MAX, expect };
        let (address, timeout) = (Ipv4Addr::BROADCAST, Duration::MAX);
        let request = Request { number: u64::MAX, address, check, timeout };
        let encoded = request.encode()?;
        assert_eq!(serde_json::from_slice::<Request>(&encoded[4..])?, request);
        Ok(())
    }
}
