//! Queries to the DNS server for containers.

use hearth_runtime_local::fuzzing::answer_dns;

/// Input: one datagram.
pub fn run_target(input: &[u8]) {
    if let Some(answer) = answer_dns(input) {
        assert!(answer.len() >= 12, "an answer has a header");
        assert_eq!(answer[..2], input[..2], "an answer has the query's id");
        assert!(answer[2] & 0x80 != 0, "an answer has the QR flag");
    }
}
