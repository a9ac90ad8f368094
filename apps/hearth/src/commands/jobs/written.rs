//! Values as people write them: in flags, and in the files that `jobs load` reads.

use hearth_base::{Error, Result};
use hearth_wire::jobs::{PortProtocol, StopSignal};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// A signal by its name, with or without `SIG`.
pub fn signal(written: &str) -> Result<StopSignal> {
    let name = written.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    StopSignal::ALL.into_iter().find(|signal| signal.word() == name).ok_or_else(|| {
        let known = StopSignal::ALL.map(StopSignal::word).join(", ");
        Error::invalid("signal", format!("{written:.20?} is no signal that asks a program to end"))
            .help(format!("name one of {known}"))
    })
}

/// A port and what is spoken there, as in `8080/udp`.
pub fn port(written: &str) -> Result<(u16, Option<PortProtocol>)> {
    let (number, protocol) = match written.split_once('/') {
        Some((number, "tcp")) => (number, Some(PortProtocol::Tcp)),
        Some((number, "udp")) => (number, Some(PortProtocol::Udp)),
        Some(_) => ("", None),
        None => (written, None),
    };
    let number = number.parse().ok().filter(|number| *number > 0);
    number.map(|number| (number, protocol)).ok_or_else(|| {
        Error::invalid("port", format!("{written:.20?} is not a port"))
            .help("write a number up to 65535, as in 8080 or 8080/udp")
    })
}

pub fn publish(written: &str) -> Result<bool> {
    match written {
        "/" | "true" => Ok(true),
        "false" => Ok(false),
        other => Err(Error::invalid("publish", format!("a job cannot be published at {other:.40?}"))
            .help("leave the path out, or write /")),
    }
}

/// One of the words that stand for something on the wire.
pub fn word<T: DeserializeOwned>(written: &str) -> Result<T> {
    serde_json::from_value(written.into())
        .map_err(|cause| Error::invalid("job-file", format!("{written:.40?} cannot be: {cause}")))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference to the field")]
pub fn is_off(flag: &bool) -> bool {
    !flag
}

/// A text, or what YAML takes for a number or a truth.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Truth(bool),
        Whole(u64),
        Number(f64),
        Text(String),
    }
    Ok(Option::<Given>::deserialize(deserializer)?.map(|given| match given {
        Given::Truth(truth) => truth.to_string(),
        Given::Whole(number) => number.to_string(),
        Given::Number(number) => number.to_string(),
        Given::Text(text) => text,
    }))
}
