//! Signatures of the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>), symmetric:
//! `v1`.

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Entropy, Error, Result, Secret};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

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
