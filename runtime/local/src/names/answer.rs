//! One question (RFC 1035): answered from the table, or to be passed on.

use std::net::Ipv4Addr;

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordType, rdata::A},
};

use super::table::Table;

/// How long an answer may be kept, in seconds.
const LIFE: u32 = 5;

/// What to do with a question.
pub enum Answer {
    /// Send this.
    Own(Vec<u8>),
    /// Ask the host's resolver.
    PassOn,
    /// It is no question.
    Nothing,
}

/// Decides about a question from `asker`.
pub fn answer(table: &Table, asker: Ipv4Addr, question: &[u8]) -> Answer {
    let Ok(asked) = Message::from_vec(question) else { return Answer::Nothing };
    let [query] = asked.queries.as_slice() else { return Answer::Nothing };
    let Some(addresses) = table.find(asker, &query.name().to_ascii()) else { return Answer::PassOn };
    let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
    answer.metadata.recursion_desired = asked.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.metadata.authoritative = true;
    answer.add_query(query.clone());
    if addresses.is_empty() {
        answer.metadata.response_code = ResponseCode::NXDomain;
    } else if query.query_type() == RecordType::A {
        let record = |address| Record::from_rdata(query.name().clone(), LIFE, RData::A(A(address)));
        answer.add_answers(addresses.into_iter().take(25).map(record));
    }
    answer.to_vec().map_or(Answer::Nothing, Answer::Own)
}

/// The answer when the host's resolver gives none.
pub fn no_answer(question: &[u8]) -> Option<Vec<u8>> {
    let asked = Message::from_vec(question).ok()?;
    let mut answer = Message::error_msg(asked.metadata.id, asked.metadata.op_code, ResponseCode::ServFail);
    answer.add_queries(asked.queries);
    answer.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::{op::Query, rr::Name};

    #[test]
    fn a_name_of_ours_is_answered_and_others_are_passed_on() {
        let table = Table { door: Ipv4Addr::new(10, 64, 0, 1), prefix: 25, entries: Vec::new() };
        let ask = |name: &str, kind| {
            let mut message = Message::query();
            message.add_query(Query::query(Name::from_ascii(name).expect("a name"), kind));
            answer(&table, Ipv4Addr::new(10, 64, 0, 130), &message.to_vec().expect("a message"))
        };
        let Answer::Own(bytes) = ask("hearth.internal.", RecordType::A) else { panic!("not answered") };
        assert_eq!(Message::from_vec(&bytes).expect("a message").answers.len(), 1);
        let Answer::Own(bytes) = ask("nobody.", RecordType::A) else { panic!("not answered") };
        assert_eq!(
            Message::from_vec(&bytes).expect("a message").metadata.response_code,
            ResponseCode::NXDomain
        );
        assert!(matches!(ask("example.org.", RecordType::A), Answer::PassOn));
        assert!(matches!(answer(&table, Ipv4Addr::LOCALHOST, b"rubbish"), Answer::Nothing));
    }
}
