//! Signed webhooks: requests of the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>), symmetric: `v1`.

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Entropy, Error, Result, Secret, to_single_line};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use sha2::Sha256;

use crate::outbound::OutboundClient;

/// Longest address of a webhook, in bytes.
const MAX_URL_BYTES: usize = 2048;
/// The prefix of a secret.
const SECRET_PREFIX: &str = "whsec_";

/// Generates a secret of 32 random bytes.
pub fn generate_secret(entropy: &Entropy) -> Secret {
    Secret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(entropy.generate_bytes::<32>())))
}

/// Computes the `webhook-signature` of a message: the HMAC of its id, its time in seconds and its body,
/// joined by dots.
pub fn compute_signature(secret: &Secret, id: &str, sent: Timestamp, body: &str) -> Result<String> {
    let wrong = || Error::internal("secret of a webhook is invalid");
    let key = secret.expose_secret().strip_prefix(SECRET_PREFIX).and_then(|key| STANDARD.decode(key).ok());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.ok_or_else(wrong)?).map_err(|_| wrong())?;
    mac.update(format!("{id}.{}.{body}", sent.as_second()).as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// Builds the headers of a signed request: type of the body, id, time and signature.
pub fn build_signed_headers(secret: &Secret, id: &str, sent: Timestamp, body: &str) -> Result<HeaderMap> {
    let signature = compute_signature(secret, id, sent, body)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", sent.as_second().to_string()),
        ("webhook-signature", signature),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).map_err(Error::internal)?);
    }
    Ok(headers)
}

/// Checks that requests may be sent to an address. Each request repeats the check, because DNS answers change. Error
/// `webhook-url` (invalid).
pub async fn check_webhook_url(outbound: &OutboundClient, url: &str) -> Result<()> {
    let refuse = |reason: &str| {
        let public = format!("invalid webhook address {:?}: {reason}", to_single_line(url, 80));
        Error::invalid("webhook-url", public)
    };
    if url.len() > MAX_URL_BYTES || url.contains('#') {
        return Err(refuse(&format!("it may have at most {MAX_URL_BYTES} characters and no #part"))
            .help("shorten it, or leave out the #part"));
    }
    let address =
        url.parse().map_err(|_| refuse("it is not a URL").help("write it as https://example.org/path"))?;
    outbound.check_destination(&address).await.map_err(|error| {
        let refusal = refuse(error.public_message());
        match error.help_text() {
            Some(next) => refusal.help(next.to_owned()),
            None => refusal,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_equals_that_of_the_reference_library() -> Result<()> {
        // Computed with Python: hmac.new(base64.b64decode(key), b"msg_1.1614265330.{...}", sha256).
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let sent = Timestamp::from_second(1_614_265_330).unwrap();
        let signed =
            compute_signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", sent, r#"{"test": 2432232314}"#)?;
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        Ok(())
    }

    #[test]
    fn secret_has_the_length_of_the_specification() {
        let (one, other) = (generate_secret(&Entropy::System), generate_secret(&Entropy::System));
        assert_ne!(one, other);
        let key = STANDARD.decode(one.expose_secret().strip_prefix(SECRET_PREFIX).unwrap()).unwrap();
        assert!((24..=64).contains(&key.len()));
    }
}
