//! Messages between the runtime process and the probe process. The runtime accepts only answers with a
//! request number that it has assigned and with a known outcome.

use std::{io, net::Ipv4Addr, time::Duration};

use hearth_runtime_api::{ProbeCheck, ProbeFailure, ProbeOutcome};
use serde::{Deserialize, Serialize};

/// Maximum request size in bytes. The length of a probe's path is limited.
pub const MAX_REQUEST_BYTES: usize = 8 << 10;
/// Answer size in bytes: request number (8, little endian), outcome (1), HTTP status (2, little endian).
pub const ANSWER_BYTES: usize = 11;

/// Request for one probe, as JSON after its length (4 bytes, little endian).
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeMessage {
    pub number: u64,
    pub address: Ipv4Addr,
    pub check: ProbeCheck,
    pub timeout: Duration,
}

impl ProbeMessage {
    pub fn encode_frame(&self) -> io::Result<Vec<u8>> {
        let json = serde_json::to_vec(self)?;
        if json.len() > MAX_REQUEST_BYTES {
            return Err(io::Error::other("the probe request is too long"));
        }
        let length = u32::try_from(json.len()).map_err(io::Error::other)?;
        Ok([&length.to_le_bytes(), json.as_slice()].concat())
    }
}

const TAG_PASSED: u8 = 0;
const TAG_NOT_SENT: u8 = 1;
const TAG_NO_CONNECTION: u8 = 2;
const TAG_TIMED_OUT: u8 = 3;
const TAG_NOT_HTTP: u8 = 4;
const TAG_STATUS: u8 = 5;

pub fn encode_answer(number: u64, outcome: ProbeOutcome) -> [u8; ANSWER_BYTES] {
    let (tag, status) = match outcome {
        ProbeOutcome::Passed => (TAG_PASSED, 0),
        ProbeOutcome::Failed(ProbeFailure::NoConnection) => (TAG_NO_CONNECTION, 0),
        ProbeOutcome::Failed(ProbeFailure::TimedOut) => (TAG_TIMED_OUT, 0),
        ProbeOutcome::Failed(ProbeFailure::NotHttp) => (TAG_NOT_HTTP, 0),
        ProbeOutcome::Failed(ProbeFailure::Status { status }) => (TAG_STATUS, status),
        ProbeOutcome::NotSent | ProbeOutcome::Failed(_) => (TAG_NOT_SENT, 0),
    };
    let mut answer = [0; ANSWER_BYTES];
    answer[..8].copy_from_slice(&number.to_le_bytes());
    answer[8] = tag;
    answer[9..].copy_from_slice(&status.to_le_bytes());
    answer
}

/// Parses an answer; `None` if it is invalid.
pub fn decode_answer(answer: [u8; ANSWER_BYTES]) -> Option<(u64, ProbeOutcome)> {
    let (number, rest) = answer.split_first_chunk()?;
    let status = u16::from_le_bytes([rest[1], rest[2]]);
    let outcome = match (rest[0], status) {
        (TAG_PASSED, 0) => ProbeOutcome::Passed,
        (TAG_NOT_SENT, 0) => ProbeOutcome::NotSent,
        (TAG_NO_CONNECTION, 0) => ProbeOutcome::Failed(ProbeFailure::NoConnection),
        (TAG_TIMED_OUT, 0) => ProbeOutcome::Failed(ProbeFailure::TimedOut),
        (TAG_NOT_HTTP, 0) => ProbeOutcome::Failed(ProbeFailure::NotHttp),
        (TAG_STATUS, 100..=999) => ProbeOutcome::Failed(ProbeFailure::Status { status }),
        _ => return None,
    };
    Some((u64::from_le_bytes(*number), outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_runtime_api::HttpExpectation;

    #[test]
    fn answers_survive_encoding_and_decoding() {
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
    fn invalid_answers_are_refused() {
        let answer = |tag, [low, high]: [u8; 2]| [7, 0, 0, 0, 0, 0, 0, 0, tag, low, high];
        assert!(decode_answer(answer(TAG_PASSED, [0, 0])).is_some());
        for wrong in [
            answer(TAG_PASSED, [1, 0]),
            answer(6, [0, 0]),
            answer(255, [255, 255]),
            answer(TAG_STATUS, [99, 0]),
            answer(TAG_STATUS, 1000u16.to_le_bytes()),
            answer(TAG_STATUS, [255, 255]),
        ] {
            assert_eq!(decode_answer(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn longest_path_fits_into_a_request() -> io::Result<()> {
        let (path, expect) = (format!("/{}", "\"".repeat(1023)), HttpExpectation::AnyAnswer);
        let check = ProbeCheck::HttpGet { path, port: u16::MAX, expect };
        let (address, timeout) = (Ipv4Addr::BROADCAST, Duration::MAX);
        let request = ProbeMessage { number: u64::MAX, address, check, timeout };
        let encoded = request.encode_frame()?;
        assert_eq!(serde_json::from_slice::<ProbeMessage>(&encoded[4..])?, request);
        Ok(())
    }
}
