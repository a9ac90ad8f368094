//! Search for the candidate nearest to a mistyped word. Error messages propose it; nothing uses it instead.

/// Finds the candidate nearest to `typed`, or `None` when none is similar enough.
pub fn find_nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let similar = candidates
        .into_iter()
        .map(|word| (strsim::jaro_winkler(typed, word), strsim::damerau_levenshtein(typed, word), word))
        .filter(|(likeness, steps, _)| *likeness > 0.8 || (*steps <= 2 && typed.len() > 3));
    similar.max_by(|(a, _, _), (b, _, _)| a.total_cmp(b)).map(|(_, _, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_word_finds_its_candidate() {
        let candidates = ["login", "logout", "status", "tool", "whoami"];
        for (typed, meant) in
            [("lgoin", Some("login")), ("tol", Some("tool")), ("staus", Some("status")), ("deploy", None)]
        {
            assert_eq!(find_nearest(typed, candidates), meant, "{typed}");
        }
    }

    #[test]
    fn nearer_of_two_candidates_is_proposed() {
        assert_eq!(find_nearest("dup-findr", ["dup-finder", "dup-binder"]), Some("dup-finder"));
    }
}
