//! Headers of forges: the event, and the id of the delivery.

use axum::http::HeaderMap;
use hearth_base::{Error, Result, to_single_line};
use hearth_wire::components::ForgeKind;

/// The maximum length of a delivery's id, in characters; forges send UUIDs.
const MAX_ID_CHARACTERS: usize = 100;
/// The maximum length of an event's name, in characters.
const MAX_EVENT_CHARACTERS: usize = 60;

/// Reads the id of a delivery. Error `forge-delivery-id` (invalid).
pub fn read_delivery_id(forge: ForgeKind, headers: &HeaderMap) -> Result<String> {
    let names: &[&str] = match forge {
        ForgeKind::Github => &["x-github-delivery"],
        ForgeKind::Gitlab => &["x-gitlab-event-uuid"],
        ForgeKind::Gitea => &["x-forgejo-delivery", "x-gitea-delivery"],
    };
    let found = find_header(headers, names);
    let is_id = |id: &&str| {
        (1..=MAX_ID_CHARACTERS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
    };
    found.filter(is_id).map(str::to_owned).ok_or_else(|| {
        let what = format!(
            "the delivery has no id in {}; expected 1 to {MAX_ID_CHARACTERS} printable characters",
            names.join(" or ")
        );
        Error::invalid("forge-delivery-id", what).help("let the forge send the delivery again")
    })
}

/// Reads the name of the event, as the forge writes it; empty if the request names none.
pub fn read_event(forge: ForgeKind, headers: &HeaderMap) -> String {
    let names: &[&str] = match forge {
        ForgeKind::Github => &["x-github-event"],
        ForgeKind::Gitlab => &["x-gitlab-event"],
        ForgeKind::Gitea => &["x-forgejo-event", "x-gitea-event"],
    };
    to_single_line(find_header(headers, names).unwrap_or_default(), MAX_EVENT_CHARACTERS)
}

/// Finds the first of several headers that is text.
pub fn find_header<'a>(headers: &'a HeaderMap, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| headers.get(*name)?.to_str().ok())
}
