//! Names of environments, and the names that contain them: of jobs and of pages.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{
    Error, JobName, PathParam, PreviewNumber, Result, ToolName,
    names::{build_name_refusal, is_label_byte, names, quote_untrusted},
};

names! {
    /// Name of an environment of a tool: 1 to 20 lower-case letters, digits and single hyphens. Its jobs are
    /// called `NAME--ENVIRONMENT`, and its page has the host name label `TOOL--ENVIRONMENT`. A label has at most 63
    /// octets (RFC 1035, section 2.3.4); 32 of the tool, 2 hyphens and 20 of the environment always fit.
    ///
    /// `pr-NUMBER`, with a number in its canonical form, is the name of a preview. Hearth makes previews; where people
    /// name environments, callers refuse these names with [`EnvironmentName::find_preview`].
    EnvironmentName("environment") checked by check_environment_name;
}

impl EnvironmentName {
    /// The environment of the configuration itself, whose jobs have no suffix.
    pub const PRODUCTION_NAME: &'static str = "production";

    /// The prefix of names of previews, before their number.
    const PREVIEW_PREFIX: &'static str = "pr-";

    /// Builds the name of a preview.
    pub fn from_preview(number: PreviewNumber) -> Self {
        Self(format!("{}{number}", Self::PREVIEW_PREFIX).into())
    }

    /// Returns the number of the preview that has this name; `None` for another environment.
    pub fn find_preview(&self) -> Option<PreviewNumber> {
        self.as_str().strip_prefix(Self::PREVIEW_PREFIX)?.parse().ok()
    }

    /// Builds the host name label of the environment's page.
    pub fn build_label(&self, tool: &ToolName) -> String {
        format!("{tool}--{self}")
    }
}

impl JobName {
    /// Finds the environment that a job of this name belongs to; `None` for production. The text is not checked: a job
    /// may have any name.
    pub fn find_environment(&self) -> Option<&str> {
        self.as_str().rsplit_once("--").map(|(_, environment)| environment)
    }

    /// Finds the preview that a job of this name belongs to: `NAME--pr-NUMBER`.
    pub fn find_preview(&self) -> Option<PreviewNumber> {
        self.find_environment()?.parse::<EnvironmentName>().ok()?.find_preview()
    }
}

fn check_environment_name(text: &str) -> Result<()> {
    const ENVIRONMENT_NAME_RULE: &str = "1 to 20 lower-case letters, digits and single hyphens, beginning with a \
                                         letter, ending with a letter or digit";
    let number = text.strip_prefix(EnvironmentName::PREVIEW_PREFIX).unwrap_or_default();
    let is_preview = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let build_reserved_error = |reason: &str| {
        let what = format!("{} cannot be an environment's name: {reason}", quote_untrusted(text));
        Error::invalid("environment-name", what).help("choose another name")
    };
    if text == EnvironmentName::PRODUCTION_NAME {
        return Err(build_reserved_error("it is the configuration itself"));
    }
    if is_preview && number.parse::<PreviewNumber>().is_err() {
        return Err(build_reserved_error(
            "pr- and digits are the name of a preview, whose number is 1 or more and has no leading zero",
        ));
    }
    let fits = (1..=20).contains(&text.len())
        && text.bytes().all(is_label_byte)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--");
    if fits {
        return Ok(());
    }
    Err(build_name_refusal("environment-name", "an environment's name", text, ENVIRONMENT_NAME_RULE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_environment_of_every_tool_has_a_host_name_label() -> Result<()> {
        for text in ["staging", "a", "qa-2", "pr-x", "p", "a2345678901234567890"] {
            assert!(text.parse::<EnvironmentName>().is_ok(), "{text}");
        }
        let too_long = "a".repeat(21);
        for text in ["", "Staging", "a--b", "-a", "a-", "1a", "production", &too_long] {
            let error = text.parse::<EnvironmentName>().unwrap_err();
            assert_eq!(error.code(), "environment-name", "{text}");
        }
        let longest = "a".repeat(20).parse::<EnvironmentName>()?.build_label(&"t".repeat(32).parse()?);
        assert!(longest.len() <= 63, "{longest}");
        Ok(())
    }

    #[test]
    fn preview_has_one_name() -> Result<()> {
        let number = PreviewNumber::new(7)?;
        let name = EnvironmentName::from_preview(number);
        assert_eq!((name.as_str(), "pr-7".parse::<EnvironmentName>()?), ("pr-7", name.clone()));
        assert_eq!(
            (name.find_preview(), "pr-x".parse::<EnvironmentName>()?.find_preview()),
            (Some(number), None)
        );
        assert!("pr-4294967295".parse::<EnvironmentName>()?.find_preview().is_some());
        for text in ["pr-0", "pr-007", "pr-4294967296"] {
            assert_eq!(text.parse::<EnvironmentName>().unwrap_err().code(), "environment-name", "{text}");
        }
        Ok(())
    }

    #[test]
    fn job_name_says_its_preview() -> Result<()> {
        let seven = Some(PreviewNumber::new(7)?);
        for (name, preview) in [
            ("web--pr-7", seven),
            ("a--b--pr-7", seven),
            ("web", None),
            ("pr-7", None),
            ("web--staging", None),
            ("web--pr-07", None),
            ("web--pr-0", None),
            ("web--pr-7--staging", None),
        ] {
            assert_eq!(name.parse::<JobName>()?.find_preview(), preview, "{name}");
        }
        Ok(())
    }

    #[test]
    fn job_name_ends_in_the_name_of_its_environment() -> Result<()> {
        for (name, environment) in
            [("web", None), ("a-b", None), ("web--staging", Some("staging")), ("a--b--c", Some("c"))]
        {
            assert_eq!(name.parse::<JobName>()?.find_environment(), environment, "{name}");
        }
        Ok(())
    }
}
