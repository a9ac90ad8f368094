//! Settings of package clients for build steps, derived from the machine's own without their credentials.
//!
//! Build steps run code of strangers. Of the machine's `pip.conf` and `npmrc` they see only settings on a list, and
//! user names and passwords are removed from URLs.

use std::fmt::Write as _;

/// Path of the certificates inside build steps.
pub const CA_BUNDLE_MOUNT: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Settings of pip that build steps see; `cert` is replaced by the certificates of build steps.
const PIP_KEYS: [&str; 16] = [
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "trusted-host",
    "timeout",
    "default-timeout",
    "retries",
    "only-binary",
    "no-binary",
    "prefer-binary",
    "no-cache-dir",
    "progress-bar",
    "disable-pip-version-check",
    "break-system-packages",
    "use-feature",
];

/// Settings of npm that build steps see, besides registries of scopes; `cafile` is replaced.
const NPM_KEYS: [&str; 19] = [
    "registry",
    "strict-ssl",
    "fetch-retries",
    "fetch-retry-factor",
    "fetch-retry-mintimeout",
    "fetch-retry-maxtimeout",
    "fetch-timeout",
    "maxsockets",
    "prefer-offline",
    "omit-lockfile-registry-resolved",
    "replace-registry-host",
    "fund",
    "audit",
    "update-notifier",
    "progress",
    "loglevel",
    "yes",
    "legacy-peer-deps",
    "disturl",
];

/// Renders `pip.conf` for build steps (pip's configuration: sections in brackets, `key = value`, further values on
/// indented lines).
pub fn render_pip_config(text: &str) -> String {
    let mut rendered = String::new();
    let mut keeps_values = false;
    for line in text.lines().map(str::trim_end) {
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with(char::is_whitespace) {
            // A further value of the key above.
            if keeps_values {
                let _ = writeln!(rendered, "    {}", remove_credentials(trimmed));
            }
            continue;
        }
        keeps_values = false;
        if trimmed.starts_with('[') {
            let _ = writeln!(rendered, "{trimmed}");
        } else if let Some((key, value)) = trimmed.split_once(['=', ':']) {
            let key = key.trim().to_lowercase().replace('_', "-");
            if key == "cert" {
                let _ = writeln!(rendered, "cert = {CA_BUNDLE_MOUNT}");
            } else if PIP_KEYS.contains(&key.as_str()) {
                keeps_values = true;
                let _ = writeln!(rendered, "{key} = {}", remove_credentials(value.trim()));
            }
        }
    }
    rendered
}

/// Renders `npmrc` for build steps (npmrc(5): `key = value`).
pub fn render_npm_config(text: &str) -> String {
    let mut rendered = String::new();
    for line in text.lines().map(str::trim) {
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with(['#', ';'])) else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        let is_scope = key.starts_with('@') && key.ends_with(":registry");
        if key == "cafile" {
            let _ = writeln!(rendered, "cafile={CA_BUNDLE_MOUNT}");
        } else if is_scope || NPM_KEYS.contains(&key) {
            let _ = writeln!(rendered, "{key}={}", remove_credentials(value));
        }
    }
    rendered
}

/// Renders `uv.toml` with the package indexes of a rendered `pip.conf`, which uv does not read; `None` without one. uv takes
/// a package from the first index that has it, and from the default index last.
pub fn render_uv_config(pip_config: &str) -> Option<String> {
    let list = |key: &str| list_values(pip_config, key).into_iter().filter(|url| is_plain(url));
    let extra = list("extra-index-url").map(|url| format!("[[index]]\nurl = \"{url}\"\n"));
    let default =
        list("index-url").take(1).map(|url| format!("[[index]]\nurl = \"{url}\"\ndefault = true\n"));
    let rendered: String = extra.chain(default).collect();
    (!rendered.is_empty()).then_some(rendered)
}

/// Lists the words of a key in a rendered `pip.conf`, also on its indented lines.
fn list_values<'a>(pip_config: &'a str, wanted: &str) -> Vec<&'a str> {
    let mut values = Vec::new();
    let mut is_wanted = false;
    for line in pip_config.lines() {
        if line.starts_with(char::is_whitespace) {
            values.extend(line.split_whitespace().filter(|_| is_wanted));
        } else if let Some((key, value)) = line.split_once(" = ") {
            is_wanted = key == wanted;
            values.extend(value.split_whitespace().filter(|_| is_wanted));
        }
    }
    values
}

/// True for a URL that stands in quotation marks unchanged.
fn is_plain(url: &str) -> bool {
    url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// Removes user names and passwords from the URLs of a value (RFC 3986, section 3.2.1).
pub fn remove_credentials(value: &str) -> String {
    let words: Vec<String> = value
        .split_whitespace()
        .map(|word| {
            let Some((scheme, rest)) = word.split_once("//") else { return word.to_owned() };
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            match rest[..end].rfind('@') {
                Some(at) => format!("{scheme}//{}", &rest[at + 1..]),
                None => word.to_owned(),
            }
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_pip_stay_outside_of_builds() {
        let text = "# mirror\n[global]\nindex-url = https://ada:pass@word@mirror.example/simple\ncert = /keys/ca.pem\n\
                    client-cert = /keys/key.pem\nproxy = http://user:secret@proxy:3128\nextra_index_url =\n    \
                    https://token@one.example/simple\n    https://two.example/simple\nkeyring-provider = subprocess\n\
                    [install]\nprefer-binary = true\n";
        assert_eq!(
            render_pip_config(text),
            "[global]\nindex-url = https://mirror.example/simple\ncert = /etc/ssl/certs/ca-certificates.crt\n\
             extra-index-url = \n    https://one.example/simple\n    https://two.example/simple\n[install]\n\
             prefer-binary = true\n"
        );
    }

    #[test]
    fn credentials_of_npm_stay_outside_of_builds() {
        let text = "registry=https://ada:secret@npm.example/\n@team:registry = https://team.example/\n\
                    //npm.example/:_authToken=secret\n_auth=secret\n_password=secret\nemail=ada@example.org\n\
                    https-proxy=http://user:secret@proxy:3128\nkey=secret\ncafile=/keys/ca.pem\nfund=false\n; x=y\n";
        assert_eq!(
            render_npm_config(text),
            "registry=https://npm.example/\n@team:registry=https://team.example/\n\
             cafile=/etc/ssl/certs/ca-certificates.crt\nfund=false\n"
        );
    }

    #[test]
    fn uv_uses_the_indexes_of_pip() {
        let pip = render_pip_config("[global]\nindex-url = https://a:b@mirror.example/simple\n");
        assert_eq!(
            render_uv_config(&pip).as_deref(),
            Some("[[index]]\nurl = \"https://mirror.example/simple\"\ndefault = true\n")
        );
        assert_eq!(render_uv_config("[global]\ntimeout = 3\n"), None);
        let more = render_pip_config(
            "[global]\nextra-index-url =\n    https://a:b@one.example/simple\n    https://two.example/simple\n\
             index-url = https://mirror.example/simple\ntimeout = 3\n",
        );
        assert_eq!(
            render_uv_config(&more).as_deref(),
            Some(
                "[[index]]\nurl = \"https://one.example/simple\"\n[[index]]\nurl = \"https://two.example/simple\"\n\
                 [[index]]\nurl = \"https://mirror.example/simple\"\ndefault = true\n"
            )
        );
    }
}
