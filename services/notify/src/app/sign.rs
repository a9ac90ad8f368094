//! Signatures of the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>), symmetric: `v1`.

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Entropy, Error, Result, Secret};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// A new secret: 32 random bytes.
pub fn secret(entropy: &Entropy) -> Secret {
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(entropy.bytes::<32>())))
}

/// The `webhook-signature` of a message: the HMAC of its id, when it is sent, and its body, with dots between them.
pub fn signature(secret: &Secret, id: &str, sent: Timestamp, body: &str) -> Result<String> {
    let wrong = || Error::internal("a webhook's secret is none");
    let key = secret.reveal().strip_prefix(PREFIX).and_then(|key| STANDARD.decode(key).ok());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.ok_or_else(wrong)?).map_err(|_| wrong())?;
    mac.update(format!("{id}.{}.{body}", sent.as_second()).as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specifications_libraries() -> Result<()> {
        // Computed with Python: hmac.new(base64.b64decode(key), b"msg_1.1614265330.{...}", sha256).
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let sent = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", sent, r#"{"test": 2432232314}"#)?;
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        Ok(())
    }

    #[test]
    fn a_secret_is_as_long_as_it_should_be() {
        let (one, other) = (secret(&Entropy::System), secret(&Entropy::System));
        assert_ne!(one, other);
        let key = STANDARD.decode(one.reveal().strip_prefix(PREFIX).unwrap()).unwrap();
        assert!((24..=64).contains(&key.len()));
    }
}
