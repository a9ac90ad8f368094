//! Questions to the DNS server for containers.

use hearth_runtime_local::fuzzing::answer_dns;

/// An input is one datagram.
pub fn dns(input: &[u8]) {
    if let Some(answer) = answer_dns(input) {
        assert!(answer.len() >= 12, "an answer has a header");
        assert_eq!(answer[..2], input[..2], "an answer has the question's id");
        assert!(answer[2] & 0x80 != 0, "an answer is marked as one");
    }
}
