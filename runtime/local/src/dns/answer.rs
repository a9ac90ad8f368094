//! Answer to one DNS query (RFC 1035): from the table, or a decision to forward it.

use std::net::Ipv4Addr;

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordType, rdata::A},
};

use super::table::DnsTable;

/// TTL of answers, in seconds.
const ANSWER_TTL_SECONDS: u32 = 5;

/// Decision about a query.
pub enum DnsDecision {
    /// Send this message.
    Reply(Vec<u8>),
    /// Forward the query to the host's resolver.
    Forward,
    /// Ignore the message: it is not a valid query.
    Ignore,
}

/// Decides about a query from the address `client`.
pub fn answer_query(table: &DnsTable, client: Ipv4Addr, question: &[u8]) -> DnsDecision {
    let Ok(query_message) = Message::from_vec(question) else { return DnsDecision::Ignore };
    let [query] = query_message.queries.as_slice() else { return DnsDecision::Ignore };
    let Some(addresses) = table.find_addresses(client, &query.name().to_ascii()) else {
        return DnsDecision::Forward;
    };
    let mut answer = Message::response(query_message.metadata.id, query_message.metadata.op_code);
    answer.metadata.recursion_desired = query_message.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.metadata.authoritative = true;
    answer.add_query(query.clone());
    if addresses.is_empty() {
        answer.metadata.response_code = ResponseCode::NXDomain;
    } else if query.query_type() == RecordType::A {
        let record =
            |address| Record::from_rdata(query.name().clone(), ANSWER_TTL_SECONDS, RData::A(A(address)));
        answer.add_answers(addresses.into_iter().take(25).map(record));
    }
    answer.to_vec().map_or(DnsDecision::Ignore, DnsDecision::Reply)
}

/// Builds a SERVFAIL answer, for a query that the host's resolver does not answer.
pub fn build_servfail(question: &[u8]) -> Option<Vec<u8>> {
    let query_message = Message::from_vec(question).ok()?;
    let mut answer =
        Message::error_msg(query_message.metadata.id, query_message.metadata.op_code, ResponseCode::ServFail);
    answer.add_queries(query_message.queries);
    answer.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::{op::Query, rr::Name};

    #[test]
    fn internal_name_is_answered_and_others_are_forwarded() {
        let table = DnsTable {
            service_address: Ipv4Addr::new(10, 64, 0, 1),
            prefix: 25,
            entries: Vec::new(),
            closed_networks: Vec::new(),
        };
        let ask = |name: &str, kind| {
            let mut message = Message::query();
            message.add_query(Query::query(Name::from_ascii(name).expect("a name"), kind));
            answer_query(&table, Ipv4Addr::new(10, 64, 0, 130), &message.to_vec().expect("a message"))
        };
        let DnsDecision::Reply(bytes) = ask("hearth.internal.", RecordType::A) else {
            panic!("not answered")
        };
        assert_eq!(Message::from_vec(&bytes).expect("a message").answers.len(), 1);
        let DnsDecision::Reply(bytes) = ask("nobody.", RecordType::A) else { panic!("not answered") };
        assert_eq!(
            Message::from_vec(&bytes).expect("a message").metadata.response_code,
            ResponseCode::NXDomain
        );
        assert!(matches!(ask("example.org.", RecordType::A), DnsDecision::Forward));
        assert!(matches!(answer_query(&table, Ipv4Addr::LOCALHOST, b"rubbish"), DnsDecision::Ignore));
    }
}
