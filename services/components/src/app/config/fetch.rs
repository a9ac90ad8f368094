//! Configurations at an address, which are fetched at each deployment.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, Result};
use hearth_kit::outbound::FetchLimits;

use super::{ConfigContext, MAX_CONFIG_BYTES, ParsedConfig, read_config};
use crate::context::ComponentsContext;

/// The limits of fetching a configuration.
const CONFIG_LIMITS: FetchLimits =
    FetchLimits { max_bytes: MAX_CONFIG_BYTES, timeout: Duration::from_secs(20) };

/// Reads a configuration for a deployment; one with a `source_url` is replaced by the one at that address. Errors: those
/// of [`read_config`] and [`fetch_config`]; `config-invalid` if the fetched one has a `source_url` too.
pub async fn resolve_config(
    cx: &ComponentsContext,
    text: &str,
    context: &ConfigContext,
) -> Result<ParsedConfig> {
    let parsed = read_config(text, context)?;
    let Some(url) = parsed.source_url else { return Ok(parsed) };
    let fetched = fetch_config(cx, &url).await?;
    let mut fetched = read_config(&fetched, context)?;
    if fetched.source_url.is_some() {
        let what = format!("the configuration at {url} has a source_url itself; expected components");
        return Err(Error::new(ErrorKind::Unprocessable, "config-invalid", what)
            .help("put the last address into the tool's configuration"));
    }
    fetched.warnings.extend(parsed.warnings);
    Ok(fetched)
}

/// Fetches the text of a configuration by the rules for outbound connections. Errors: those of the rules; `config-url`
/// (unprocessable) if the address has no text.
pub async fn fetch_config(cx: &ComponentsContext, url: &str) -> Result<String> {
    let refuse = |what: String| {
        Error::new(ErrorKind::Unprocessable, "config-url", what)
            .help("source_url needs the address of the file itself, which anybody may read")
    };
    let address = url.parse().map_err(|_| refuse(format!("source_url is no address: {url:.100?}")))?;
    let fetched = cx.outbound.fetch_document(&address, CONFIG_LIMITS).await?;
    if !fetched.status.is_success() {
        let status = fetched.status.as_u16();
        return Err(refuse(format!("{url:.200} answered with status {status}; expected a configuration")));
    }
    String::from_utf8(fetched.content.into())
        .map_err(|_| refuse(format!("{url:.200} is not text in UTF-8; expected a configuration")))
}
