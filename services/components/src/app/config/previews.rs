//! Previews in Hearth's format: what they get of the tool, and how long they live.

use hearth_wire::components::HearthPreviews;

use super::{
    document::ConfigValue,
    field_texts::parse_seconds,
    fields::FieldReader,
    variables::{read_envvar_names, read_variables},
};

/// Seconds of a day.
const DAY_SECONDS: u64 = 24 * 3600;

/// Reads the section `previews`.
pub fn read_previews(mut fields: FieldReader<'_>) -> HearthPreviews {
    let previews = HearthPreviews {
        variables: read_variables(&mut fields),
        envvars: read_envvar_names(&mut fields).unwrap_or_default(),
        expire_after: read_lifetime(&mut fields),
    };
    fields.refuse_unknown_keys_with_hints(&[
        ("env", "write variables"),
        ("secrets", "write envvars: the names of the tool's variables and secrets"),
        ("components", "a preview runs the continuous components of the configuration"),
        ("enabled", "hearth repository change LINK --previews repository"),
    ]);
    previews
}

/// Reads the time after the newest commit at which a preview ends, in seconds.
fn read_lifetime(fields: &mut FieldReader<'_>) -> Option<u32> {
    let node = fields.find_field("expire_after")?;
    let seconds = match &node.value {
        ConfigValue::Number(number) => number.as_u64(),
        ConfigValue::Text(text) => match text.strip_suffix('d') {
            Some(days) if days.bytes().all(|byte| byte.is_ascii_digit()) => {
                days.parse::<u64>().ok().and_then(|days| days.checked_mul(DAY_SECONDS))
            }
            _ => parse_seconds(text),
        },
        _ => None,
    };
    let allowed = HearthPreviews::MIN_LIFETIME_SECONDS..=HearthPreviews::MAX_LIFETIME_SECONDS;
    let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
    let seconds = seconds.filter(|seconds| allowed.contains(seconds));
    if seconds.is_none() {
        fields
            .report_field("expire_after", format!("is {node}; expected 1 hour to 30 days, as in 12h or 7d"));
    }
    seconds
}
