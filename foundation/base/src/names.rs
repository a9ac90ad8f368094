//! Validated names that users choose.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{Error, ErrorKind, Result};

/// Type of a path parameter.
pub trait PathParam: FromStr<Err = Error> {
    /// Name of the path parameter, without braces.
    const PARAM_NAME: &'static str;
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident($param:literal) checked by $check:path;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                $check(text).map(|()| Self(text.into()))
            }
        }

        impl PathParam for $name {
            const PARAM_NAME: &'static str = $param;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        $crate::as_text!($name);
    )*};
}

pub(crate) use names;

names! {
    /// Name of a tool: 2 to 32 lower-case letters, digits and hyphens, beginning with a letter, ending with a
    /// letter or digit. It is a host name label (RFC 1123) and the suffix of the namespace `tool-NAME`.
    ToolName("tool") checked by check_tool_name;
    /// Name of a job: a host name label (RFC 1123) of at most 52 characters.
    JobName("job") checked by check_job_name;
    /// Sign-in name of a user: 1 to 39 lower-case letters, digits, `.`, `_` and `-`, beginning with a letter
    /// or digit.
    UserName("user") checked by check_user_name;
    /// Name of an environment variable (POSIX.1-2024, Base Definitions, section 8.1): 1 to 128 letters,
    /// digits and underscores, not beginning with a digit.
    EnvvarName("envvar") checked by check_envvar_name;
    /// Name of an image without its owner (OCI distribution specification, "Pulling manifests", one
    /// component): 1 to 64 lower-case letters and digits, separated by single dots, one or two underscores,
    /// or hyphens.
    ImageName("name") checked by check_image_name;
    /// Name of a volume, unique for its owner: a host name label (RFC 1123) of at most 40 characters.
    VolumeName("volume") checked by check_volume_name;
    /// Name of an outside builder, unique for its owner: a host name label (RFC 1123) of at most 40 characters.
    BuilderName("builder") checked by check_builder_name;
    /// Name of an internal endpoint, `NAME.hearth.internal`: a host name label (RFC 1123).
    EndpointName("endpoint") checked by check_endpoint_name;
    /// Name of a package source: 1 to 40 lower-case letters, digits and hyphens, as in names of files of apt.
    PackageSourceName("package_source") checked by check_package_source_name;
    /// Mail address in the common form: a dot-atom, `@` and a host name (RFC 5321, section 4.1.2), in ASCII.
    /// Quoted local parts and address literals are rejected: they are very rare, and mail servers disagree on
    /// them.
    EmailAddress("address") checked by check_email_address;
}

impl ToolName {
    /// Checks the further rule for the name of a new tool: no two hyphens in a row, because these separate a
    /// tool from its environment or preview in host names (`TOOL--ENVIRONMENT`). Tools from before the rule
    /// keep their names, so parsing accepts them.
    pub fn check_new(&self) -> Result<()> {
        let name = self.as_str();
        if !name.contains("--") {
            return Ok(());
        }
        let public = format!(
            "a new tool's name has two hyphens in a row: {}; one at a time is allowed",
            quote_untrusted(name)
        );
        let error = Error::invalid("tool-name", public);
        Err(match suggest_label(name) {
            Some(label) => error.help(format!("call it {label}")).with_suggestion(label),
            None => error.help("choose another name"),
        })
    }
}

impl EnvvarName {
    /// True when other Toolforge-like platforms accept the name: four or more capital letters, digits and
    /// underscores.
    pub fn is_portable(&self) -> bool {
        let name = self.as_str();
        name.len() >= 4
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
            && name.starts_with(|first: char| first.is_ascii_uppercase())
            && !name.ends_with('_')
    }
}

fn check_tool_name(text: &str) -> Result<()> {
    const TOOL_NAME_RULE: &str = "2 to 32 lower-case letters, digits and hyphens, beginning with a letter, ending with a letter or digit";
    let fits = (2..=32).contains(&text.len())
        && text.bytes().all(is_label_byte)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.starts_with("xn--");
    if fits { Ok(()) } else { Err(build_name_refusal("tool-name", "a tool's name", text, TOOL_NAME_RULE)) }
}

fn check_job_name(text: &str) -> Result<()> {
    check_label(text, 52, "job-name", "a job's name")
}

fn check_volume_name(text: &str) -> Result<()> {
    check_label(text, 40, "volume-name", "a volume's name")
}

fn check_package_source_name(text: &str) -> Result<()> {
    check_label(text, 40, "package-source-name", "a package source's name")
}

fn check_builder_name(text: &str) -> Result<()> {
    check_label(text, 40, "builder-name", "a builder's name")
}

fn check_endpoint_name(text: &str) -> Result<()> {
    check_label(text, 63, "endpoint-name", "an endpoint's name")
}

/// Checks a host name label (RFC 1123) of at most `max_bytes`.
fn check_label(text: &str, max_bytes: usize, code: &'static str, subject: &str) -> Result<()> {
    let fits = (1..=max_bytes).contains(&text.len())
        && text.bytes().all(is_label_byte)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits {
        return Ok(());
    }
    let rule = format!(
        "1 to {max_bytes} lower-case letters, digits and hyphens, beginning and ending with a letter or digit"
    );
    Err(build_name_refusal(code, subject, text, &rule))
}

fn check_user_name(text: &str) -> Result<()> {
    const USER_NAME_RULE: &str =
        "1 to 39 lower-case letters, digits, dots, hyphens and _, beginning with a letter or digit";
    let fits = (1..=39).contains(&text.len())
        && text.bytes().all(|byte| is_label_byte(byte) || matches!(byte, b'.' | b'_'))
        && text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if fits { Ok(()) } else { Err(build_name_refusal("user-name", "a user's name", text, USER_NAME_RULE)) }
}

fn check_envvar_name(text: &str) -> Result<()> {
    const ENVVAR_NAME_RULE: &str = "1 to 128 letters, digits and underscores, not beginning with a digit";
    let fits = (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit());
    let refused = || {
        let public = format!("{} cannot be a variable's name: {ENVVAR_NAME_RULE}", quote_untrusted(text));
        Error::invalid("envvar-name", public).help("choose a name such as API_KEY")
    };
    if fits { Ok(()) } else { Err(refused()) }
}

fn check_image_name(text: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut between = text.split(|symbol: char| symbol.is_ascii_lowercase() || symbol.is_ascii_digit());
    let ends = text.bytes().next().is_some_and(plain) && text.bytes().next_back().is_some_and(plain);
    let separated =
        between.all(|part| matches!(part, "." | "_" | "__") || part.bytes().all(|byte| byte == b'-'));
    if text.len() <= 64 && ends && separated {
        return Ok(());
    }
    Err(Error::invalid("name-invalid", format!("{} is not the name of an image", quote_untrusted(text)))
        .help("write it as tool-TOOL/NAME or hearth/NAME, in lower case"))
}

fn check_email_address(text: &str) -> Result<()> {
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fits = text.split_once('@').is_some_and(|(local, host)| {
        let dotted = local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom));
        local.len() <= 64 && dotted && host.split('.').all(label)
    });
    if fits && text.len() <= 254 {
        return Ok(());
    }
    Err(Error::invalid("email-address", format!("{} is not a mail address", quote_untrusted(text)))
        .help("write it as name@example.org, without a display name"))
}

pub(crate) fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

pub(crate) fn build_name_refusal(code: &'static str, subject: &str, text: &str, rule: &str) -> Error {
    let error = Error::new(
        ErrorKind::Invalid,
        code,
        format!("{} cannot be {subject}: {rule}", quote_untrusted(text)),
    );
    match suggest_label(text) {
        Some(label) => error.help(format!("call it {label}")).with_suggestion(label),
        None => error.help(format!("choose {rule}")),
    }
}

/// Makes untrusted text safe to repeat: quoted, escaped, truncated.
pub(crate) fn quote_untrusted(text: &str) -> String {
    let mut cut = text.chars().take(60).collect::<String>();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}

/// Derives a similar text that is valid for all kinds of names, if one exists.
fn suggest_label(text: &str) -> Option<String> {
    let mut label = String::new();
    for symbol in text.chars().take(60).flat_map(char::to_lowercase) {
        if symbol.is_ascii_lowercase() || symbol.is_ascii_digit() {
            label.push(symbol);
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
    }
    let label = label.trim_start_matches(|first: char| !first.is_ascii_lowercase());
    let label = label.get(..label.len().min(32))?.trim_end_matches('-');
    (label.len() >= 2 && !label.starts_with("xn--")).then(|| label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_name_follows_the_distribution_specification() {
        for text in ["a", "python3.11", "a_b", "a__b", "a--b", "0", "node22"] {
            assert!(text.parse::<ImageName>().is_ok(), "{text}");
        }
        assert!("a".repeat(64).parse::<ImageName>().is_ok());
        for text in
            ["", "..", ".", "a/b", "../a", "/a", "-a", "a-", "A", "a..b", "a___b", "a._b", "a b", "a\0", "ä"]
        {
            assert!(text.parse::<ImageName>().is_err(), "{text:?}");
        }
        assert!("a".repeat(65).parse::<ImageName>().is_err());
    }

    #[test]
    fn name_like_an_option_path_or_markup_is_refused() {
        for text in ["-rf", "--", "..", "a/b", "a b", "<b>", "a\nb", "a\0", "", "Ä", "a-", "xn--mnchen"] {
            assert!(text.parse::<ToolName>().is_err(), "{text:?}");
            assert!(text == "xn--mnchen" || text.parse::<JobName>().is_err(), "{text:?}");
        }
        assert!("-x".parse::<UserName>().is_err());
    }

    #[test]
    fn new_tool_name_with_two_hyphens_in_a_row_is_refused_with_a_name_that_fits() {
        for (text, label) in
            [("a--b", "a-b"), ("a---b", "a-b"), ("shop--staging--2", "shop-staging-2"), ("a1--1", "a1-1")]
        {
            let name: ToolName = text.parse().unwrap();
            let error = name.check_new().unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "tool-name"), "{text}");
            assert_eq!(error.help_text(), Some(&*format!("call it {label}")), "{text}");
            assert_eq!(error.suggested_value(), Some(label), "{text}");
            assert!(label.parse::<ToolName>().unwrap().check_new().is_ok(), "{label}");
        }
    }

    #[test]
    fn new_tool_name_with_single_hyphens_is_accepted() {
        for text in ["ab", "a-b", "a-b-c", "tool-1-2-3"] {
            assert!(text.parse::<ToolName>().unwrap().check_new().is_ok(), "{text}");
        }
    }

    #[test]
    fn tool_name_from_before_the_rule_of_new_names_still_parses() {
        for text in ["a--b", "a---b", "shop--staging"] {
            assert!(text.parse::<ToolName>().is_ok(), "{text}");
        }
    }

    #[test]
    fn envvar_name_is_valid_in_every_shell() {
        for text in ["", "1A", "A-B", "A=B", "A B", "A\nB", "A\0", "Ä", "A.B", &"A".repeat(129)] {
            assert!(text.parse::<EnvvarName>().is_err(), "{text:?}");
        }
        let portable = |text: &str| text.parse::<EnvvarName>().map(|name| name.is_portable()).ok();
        for text in ["API_KEY", "A1_2", "WIKI"] {
            assert_eq!(portable(text), Some(true), "{text}");
        }
        for text in ["api_key", "KEY", "_KEY", "KEYS_", "_", "http_proxy"] {
            assert_eq!(portable(text), Some(false), "{text}");
        }
    }

    #[test]
    fn email_address_is_a_single_plain_address() {
        for text in ["a@b", "some.body+x@mail.example.org", "o'neil@example.org", "1@2.example"] {
            assert!(text.parse::<EmailAddress>().is_ok(), "{text}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b,c@d",
            "a@b\r\nBcc: c@d",
            "a@b\n",
            "<a@b>",
            "a@b>",
            "A <a@b>",
            "a@[127.0.0.1]",
            "\"a\"@b",
            "a..b@c",
            ".a@b",
            "a.@b",
            "a@b.",
            "a@-b",
            "a@b-",
            "ä@b",
            "a@ä",
            "a@b\0",
            &long,
        ] {
            assert!(text.parse::<EmailAddress>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn refused_name_comes_with_a_valid_suggestion() {
        let error = "Dup_Finder 2!".parse::<ToolName>().err();
        assert_eq!(error.as_ref().and_then(|error| error.help_text()), Some("call it dup-finder-2"));
        for text in ["9", "日本", "-"] {
            let error = text.parse::<ToolName>().err();
            assert!(
                error
                    .as_ref()
                    .and_then(|error| error.help_text())
                    .is_some_and(|next| next.starts_with("choose"))
            );
        }
    }

    #[test]
    fn suggested_name_is_always_accepted() {
        for text in ["A", "a--------------------------------b", "ÄÖÜ tool", "0-0-a1", "x".repeat(99).as_str()]
        {
            if let Some(label) = suggest_label(text) {
                let name = label.parse::<ToolName>();
                assert!(name.is_ok_and(|name| name.check_new().is_ok()), "{text:?} gave {label:?}");
            }
        }
    }

    #[test]
    fn long_name_is_cut_in_its_error() {
        let error = "A".repeat(10_000).parse::<JobName>().err();
        assert!(error.is_some_and(|error| error.public_message().len() < 250));
    }
}
