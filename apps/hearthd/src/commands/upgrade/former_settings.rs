//! The settings of the release before this one, which refuses all others.

/// The release before this one.
pub const FORMER_RELEASE: &str = "0.1.0";
/// Its settings, one `section.key` per line. `NAME` stands for any name.
const FORMER_SETTINGS: &str = include_str!("settings-0.1.0.txt");

/// True if the release before accepts a setting with this key.
pub fn has_setting(key: &str) -> bool {
    FORMER_SETTINGS.lines().any(|setting| is_part_of(key, setting))
}

/// True if `key` is the setting, or is below a setting that is a table of any keys.
fn is_part_of(key: &str, setting: &str) -> bool {
    let (mut key, mut parts) = (key.split('.'), setting.split('.'));
    let is_same = parts.by_ref().all(|part| key.next().is_some_and(|own| part == "NAME" || part == own));
    is_same && (key.next().is_none() || !has_settings_below(setting))
}

fn has_settings_below(setting: &str) -> bool {
    FORMER_SETTINGS.lines().any(|other| other.strip_prefix(setting).is_some_and(|rest| rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last version in `dev/releases.toml`.
    fn find_last_release() -> &'static str {
        let releases = include_str!("../../../../../dev/releases.toml");
        let mut versions = releases.lines().filter_map(|line| line.strip_prefix("version = "));
        versions.next_back().unwrap_or_default().trim_matches('"')
    }

    #[test]
    fn settings_are_those_of_the_release_before() {
        assert_eq!(FORMER_RELEASE, find_last_release(), "write the settings of the new release into a list");
    }

    #[test]
    fn settings_since_the_release_before_are_found() {
        for known in [
            "state",
            "door.listen",
            "accounts.quota.cpu",
            "images.provided.php8.aliases",
            "images.sources.bookworm",
            "services.jobs.url",
        ] {
            assert!(has_setting(known), "{known}");
        }
        for new in [
            "storage.sessions",
            "door.listens",
            "doo",
            "accounts.quota.homes",
            "services.storage.url",
            "runtime.home_size",
        ] {
            assert!(!has_setting(new), "{new}");
        }
    }
}
