//! Health checks, probes and stop policies in Hearth's format.

use hearth_wire::jobs::{Checks, HealthCheck, HealthProbe, StopPolicy, StopSignal};

use super::{
    fields::FieldReader,
    toolforge::{MAX_CHECK_PATH_CHARACTERS, MAX_COMMAND_CHARACTERS, check_http_path},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum ProbeType {
    Http,
    Script,
    Tcp,
}

/// Reads a health check.
pub fn read_health_check(mut fields: FieldReader<'_>) -> Option<HealthCheck> {
    let types = [("http", ProbeType::Http), ("script", ProbeType::Script), ("tcp", ProbeType::Tcp)];
    fields.require_field("type", "http, script or tcp");
    let probe_type = fields.read_choice("type", &types);
    let path = fields.read_text("path", MAX_CHECK_PATH_CHARACTERS);
    let script = fields.read_text("script", MAX_COMMAND_CHARACTERS);
    if let Some(path) = &path {
        check_http_path(&fields, "path", path);
    }
    let rules =
        [("path", ProbeType::Http, "the path of a request"), ("script", ProbeType::Script, "a command line")];
    for (key, wanted, expected) in rules {
        match (fields.find_field(key).is_some(), probe_type) {
            (true, Some(found)) if found != wanted => {
                let word = types.iter().find(|(_, one)| *one == found).map_or("", |(word, _)| *word);
                fields.report_field(key, format!("is not allowed for a check of type {word}; leave it out"));
            }
            (false, Some(found)) if found == wanted => fields.require_field(key, expected),
            _ => {}
        }
    }
    let interval = fields.read_number("interval", 1..=300);
    let timeout = fields.read_number("timeout", 1..=60);
    let failures = fields.read_number("failures", 1..=20);
    fields.refuse_unknown_keys();
    let probe = match probe_type? {
        ProbeType::Http => HealthProbe::Http(path?),
        ProbeType::Script => HealthProbe::Script(script?),
        ProbeType::Tcp => HealthProbe::Tcp,
    };
    Some(HealthCheck { probe, interval, timeout, failures })
}

/// Reads the probes.
pub fn read_checks(mut fields: FieldReader<'_>) -> Checks {
    let checks = Checks {
        startup: fields.read_section("startup").and_then(read_health_check),
        readiness: fields.read_section("readiness").and_then(read_health_check),
        liveness: fields.read_section("liveness").and_then(read_health_check),
        start_within: fields.read_number("start_within", 1..=3600),
    };
    fields.refuse_unknown_keys();
    checks
}

/// Reads a stop policy.
pub fn read_stop_policy(mut fields: FieldReader<'_>) -> StopPolicy {
    let signals = StopSignal::ALL.map(|signal| (signal.as_str(), signal));
    let policy = StopPolicy {
        signal: fields.read_choice("signal", &signals),
        grace: fields.read_number("grace", 0..=300),
    };
    fields.refuse_unknown_keys();
    policy
}

/// True if a check sends requests to the component's port.
pub fn needs_port(check: &HealthCheck) -> bool {
    !matches!(check.probe, HealthProbe::Script(_))
}
