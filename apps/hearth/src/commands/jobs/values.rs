//! Parsers of values in flags and in the files of `jobs load`.

use hearth_base::{Error, Result};
use hearth_wire::jobs::{PortProtocol, StopSignal};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// Parses a signal's name, with or without `SIG`.
pub fn parse_signal(written: &str) -> Result<StopSignal> {
    let name = written.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    StopSignal::ALL.into_iter().find(|signal| signal.as_str() == name).ok_or_else(|| {
        let names = StopSignal::ALL.map(StopSignal::as_str).join(", ");
        Error::invalid("signal", format!("{written:.20?} is not a stop signal"))
            .help(format!("name one of {names}"))
    })
}

/// Parses a port with its protocol, as in `8080/udp`.
pub fn parse_port(written: &str) -> Result<(u16, Option<PortProtocol>)> {
    let (number, protocol) = match written.split_once('/') {
        Some((number, "tcp")) => (number, Some(PortProtocol::Tcp)),
        Some((number, "udp")) => (number, Some(PortProtocol::Udp)),
        Some(_) => ("", None),
        None => (written, None),
    };
    let number = number.parse().ok().filter(|number| *number > 0);
    number.map(|number| (number, protocol)).ok_or_else(|| {
        Error::invalid("port", format!("{written:.20?} is not a port"))
            .help("write a number from 1 to 65535, as in 8080 or 8080/udp")
    })
}

/// Parses the value of `--publish`: `/`, `true` or `false`.
pub fn parse_publish(written: &str) -> Result<bool> {
    match written {
        "/" | "true" => Ok(true),
        "false" => Ok(false),
        other => Err(Error::invalid("publish", format!("a job cannot be published at {other:.40?}"))
            .help("omit the path, or write /")),
    }
}

/// Parses a value of an enum of the API, such as a concurrency policy.
pub fn parse_enum_value<T: DeserializeOwned>(written: &str) -> Result<T> {
    serde_json::from_value(written.into())
        .map_err(|cause| Error::invalid("job-file", format!("invalid value {written:.40?}: {cause}")))
}

/// Returns true for a flag that is not set, which serialisation omits.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference to the field")]
pub fn is_off(flag: &bool) -> bool {
    !flag
}

/// Deserializes a text that YAML may read as a number or a boolean.
pub fn deserialize_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum YamlScalar {
        Bool(bool),
        Integer(u64),
        Float(f64),
        Text(String),
    }
    Ok(Option::<YamlScalar>::deserialize(deserializer)?.map(|given| match given {
        YamlScalar::Bool(truth) => truth.to_string(),
        YamlScalar::Integer(number) => number.to_string(),
        YamlScalar::Float(number) => number.to_string(),
        YamlScalar::Text(text) => text,
    }))
}
