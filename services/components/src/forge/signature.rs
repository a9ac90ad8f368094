//! Signatures of deliveries.

use axum::http::HeaderMap;
use hearth_base::{Error, Result, Secret};
use hearth_wire::components::ForgeKind;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::headers::find_header;

/// Bytes of an HMAC-SHA256.
const MAC_BYTES: usize = 32;

/// Outcome of the check of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureCheck {
    /// The sender knows the secret.
    Valid,
    /// The request has no signature.
    Missing,
    /// The request has another signature.
    Wrong,
}

/// Checks the signature of a delivery over its raw body, in constant time.
pub fn check_signature(
    forge: ForgeKind,
    headers: &HeaderMap,
    body: &[u8],
    secret: &Secret,
) -> Result<SignatureCheck> {
    let (names, prefix): (&[&str], &str) = match forge {
        ForgeKind::Github => (&["x-hub-signature-256"], "sha256="),
        ForgeKind::Gitea => (&["x-forgejo-signature", "x-gitea-signature"], ""),
        ForgeKind::Gitlab => (&["x-gitlab-token"], ""),
    };
    let Some(shown) = find_header(headers, names).filter(|shown| !shown.is_empty()) else {
        return Ok(SignatureCheck::Missing);
    };
    let (message, expected) = match forge {
        // Both sides are hashed, so that the comparison takes the same time for every value.
        ForgeKind::Gitlab => {
            let shown = compute_mac(secret, shown.as_bytes())?.finalize().into_bytes().to_vec();
            (secret.expose_secret().as_bytes(), Some(shown))
        }
        _ => (body, shown.strip_prefix(prefix).and_then(decode_mac)),
    };
    let mac = compute_mac(secret, message)?;
    let is_valid = expected.is_some_and(|expected| mac.verify_slice(&expected).is_ok());
    Ok(if is_valid { SignatureCheck::Valid } else { SignatureCheck::Wrong })
}

fn compute_mac(secret: &Secret, message: &[u8]) -> Result<Hmac<Sha256>> {
    let key = secret.expose_secret().as_bytes();
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::internal("invalid key of a webhook"))?;
    mac.update(message);
    Ok(mac)
}

/// Decodes a MAC from hexadecimal digits.
fn decode_mac(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 2 * MAC_BYTES {
        return None;
    }
    let decode_digit =
        |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks(2).map(|pair| Some((decode_digit(&pair[0])? << 4) | decode_digit(&pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_header(forge: ForgeKind, name: &'static str, value: &str, body: &[u8]) -> SignatureCheck {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        check_signature(forge, &headers, body, &Secret::new("It's a Secret to Everybody")).unwrap()
    }

    #[test]
    fn signature_of_the_documentation_of_github_is_valid() {
        // Secret, payload and signature are those of GitHub's page about validating deliveries.
        let hex = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let github =
            |value: &str, body: &[u8]| check_header(ForgeKind::Github, "x-hub-signature-256", value, body);
        assert_eq!(github(&format!("sha256={hex}"), b"Hello, World!"), SignatureCheck::Valid);
        assert_eq!(github(&format!("sha256={hex}"), b"Hello, World?"), SignatureCheck::Wrong);
        for wrong in [hex.to_owned(), format!("sha1={hex}"), "sha256=".to_owned(), format!("sha256={hex}00")]
        {
            assert_eq!(github(&wrong, b"Hello, World!"), SignatureCheck::Wrong, "{wrong}");
        }
        let gitea = |name| check_header(ForgeKind::Gitea, name, hex, b"Hello, World!");
        assert_eq!(gitea("x-gitea-signature"), SignatureCheck::Valid);
        assert_eq!(gitea("x-forgejo-signature"), SignatureCheck::Valid);
        assert_eq!(gitea("x-hub-signature-256"), SignatureCheck::Missing);
    }

    #[test]
    fn token_of_gitlab_is_the_secret() {
        let gitlab = |value| check_header(ForgeKind::Gitlab, "x-gitlab-token", value, b"{}");
        assert_eq!(gitlab("It's a Secret to Everybody"), SignatureCheck::Valid);
        assert_eq!(gitlab("It's a Secret to Everybod"), SignatureCheck::Wrong);
        assert_eq!(gitlab(""), SignatureCheck::Missing);
    }
}
