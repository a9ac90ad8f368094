//! Which of the known words somebody may have meant. It is proposed, never used.

/// The known word nearest to `typed`, if one is near enough to be meant.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let alike = known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(typed, word), strsim::damerau_levenshtein(typed, word), word))
        .filter(|(likeness, steps, _)| *likeness > 0.8 || (*steps <= 2 && typed.len() > 3));
    alike.max_by(|(a, _, _), (b, _, _)| a.total_cmp(b)).map(|(_, _, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let known = ["login", "logout", "status", "tool", "whoami"];
        for (typed, meant) in
            [("lgoin", Some("login")), ("tol", Some("tool")), ("staus", Some("status")), ("deploy", None)]
        {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }

    #[test]
    fn of_two_near_words_the_nearer_is_proposed() {
        assert_eq!(nearest("dup-findr", ["dup-finder", "dup-binder"]), Some("dup-finder"));
    }
}
