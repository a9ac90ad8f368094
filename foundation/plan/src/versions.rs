//! Versions of a language that a source asks for, and the provided image that fits best.
//!
//! A request is a version or a range of versions: `3.13`, `>=3.11,<4`, `^20 || ^22`, `lts/iron`. Only the number that
//! distinguishes the images is compared: the major version of Node.js and Java, otherwise major and minor version.

/// Image of a language, with the number of its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionedImage {
    /// Number that distinguishes the version: 313 of Python 3.13, 802 of PHP 8.2, 124 of Go 1.24, 20 of Node.js 20.
    pub number: u32,
    /// Version as users write it.
    pub version: &'static str,
    /// Short name of the provided image.
    pub image: &'static str,
}

/// Notation of a language's versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionNotation {
    /// `3.MINOR`: the minor version counts; `^3.11` allows each later minor version, `~3.11` only this one.
    Python,
    /// `8.MINOR`: the minor version counts; `^8.1` and `~8.1` allow each later minor version.
    Php,
    /// `MAJOR.MINOR.PATCH`: the major version counts; `^20.1` allows this one only.
    Node,
    /// `1.MINOR` of Go and Rust: the minor version counts; a version is the lowest that is needed.
    Compiler,
    /// `3.MINOR`: the minor version counts; `~> 3.2` allows each later minor version, `~> 3.2.0` only this one.
    Ruby,
    /// `MAJOR.MINOR.PATCH`, or `1.8`: the major version counts; a version is the lowest that is needed.
    Java,
}

impl VersionNotation {
    /// Major version that all images have; `None` when the images differ in it.
    fn common_major(self) -> Option<u32> {
        match self {
            Self::Python | Self::Ruby => Some(3),
            Self::Php => Some(8),
            Self::Compiler => Some(1),
            Self::Node | Self::Java => None,
        }
    }

    /// True when a version without an operator allows later ones too.
    fn allows_later(self) -> bool {
        matches!(self, Self::Compiler | Self::Java)
    }
}

/// Factor of the major version in the number of a version with both.
const MAJOR_VERSION_FACTOR: u32 = 100;

/// A version that a file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRequest {
    /// File, and the field in it where there are several.
    pub origin: &'static str,
    /// Text of the request, printable and short.
    pub text: String,
}

impl VersionRequest {
    /// Builds a request from the text of a file; `None` when it is empty.
    pub fn new(origin: &'static str, text: &str) -> Option<Self> {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let text: String = line.chars().filter(|symbol| matches!(symbol, ' '..='~')).take(60).collect();
        (!text.is_empty()).then_some(Self { origin, text })
    }
}

/// Chooses the image for a request, and writes a reason when there is a request. The first of `images` is the
/// default; without a fitting image the nearest newer one is chosen, otherwise the newest.
pub fn choose_image(
    images: &'static [VersionedImage],
    notation: VersionNotation,
    language: &str,
    request: Option<&VersionRequest>,
    reasons: &mut Vec<String>,
) -> VersionedImage {
    let default = images[0];
    let Some(VersionRequest { origin, text }) = request else { return default };
    let mut sorted = images.to_vec();
    sorted.sort_by_key(|image| image.number);
    let fits = |image: &VersionedImage| is_in_range(text, image.number, notation);
    let chosen = if fits(&default) { Some(default) } else { sorted.iter().copied().find(fits) };
    if let Some(image) = chosen {
        reasons.push(format!(
            "{origin} asks for {language} {text}: the image has {language} {}.",
            image.version
        ));
        return image;
    }
    let wanted = parse_lowest_number(text, notation);
    let newer = wanted.and_then(|wanted| sorted.iter().copied().find(|image| image.number >= wanted));
    let image = newer.or_else(|| sorted.last().copied().filter(|_| wanted.is_some())).unwrap_or(default);
    let versions: Vec<&str> = sorted.iter().map(|image| image.version).collect();
    reasons.push(format!(
        "{origin} asks for {language} {text}, which no image has: the image has {language} {}; available are {}. Ask for \
         one of them there, or name another image in a Containerfile.",
        image.version,
        versions.join(", ")
    ));
    image
}

/// True when a range contains the version with this number. Alternatives are separated by `||` or `|`, conditions by
/// commas or spaces.
pub fn is_in_range(range: &str, number: u32, notation: VersionNotation) -> bool {
    range.split('|').any(|alternative| {
        let alternative = alternative.trim();
        if let Some((low, high)) = alternative.split_once(" - ") {
            let (low, high) = (parse_number(low, notation), parse_number(high, notation));
            return low.is_none_or(|low| number >= low) && high.is_none_or(|high| number <= high);
        }
        let spaced = alternative.replace(',', " ");
        let mut operator = "";
        let mut conditions = 0;
        let met = spaced.split_whitespace().all(|word| {
            if is_operator(word) {
                operator = word;
                return true;
            }
            conditions += 1;
            let given = std::mem::take(&mut operator);
            let (sign, version) = split_operator(word);
            is_condition_met(if sign.is_empty() { given } else { sign }, version, number, notation)
        });
        met && conditions > 0
    })
}

/// Operators of version ranges, longer ones first.
const RANGE_OPERATORS: [&str; 12] = ["===", "==", ">=", "<=", "!=", "~=", "~>", ">", "<", "^", "~", "="];

fn is_operator(word: &str) -> bool {
    RANGE_OPERATORS.contains(&word)
}

fn split_operator(word: &str) -> (&str, &str) {
    RANGE_OPERATORS
        .iter()
        .find_map(|operator| word.strip_prefix(operator).map(|version| (&word[..operator.len()], version)))
        .unwrap_or(("", word))
}

fn is_condition_met(operator: &str, version: &str, number: u32, notation: VersionNotation) -> bool {
    let Some(wanted) = parse_number(version, notation) else {
        // A version without the number that counts, such as `3`, `*` or `lts/*`, sets no bound but this one.
        let common = notation.common_major().map(|major| major.to_string());
        return !(operator == "<" && common.as_deref() == Some(version.trim()));
    };
    let parts = version.split('.').filter(|part| part.bytes().all(|byte| byte.is_ascii_digit())).count();
    // Parts of the version after the number that counts.
    let has_more = parts > if notation.common_major().is_some() { 2 } else { 1 };
    // PEP 440: `~=3.11` allows 3.12, `~=3.11.2` only 3.11. Poetry: `^3.11` allows 3.12. Composer: `~8.1` allows 8.2.
    let allows_later_minor = match (operator, notation) {
        (_, VersionNotation::Node | VersionNotation::Java) => false,
        ("^", _) => true,
        ("~=", VersionNotation::Python) | ("~", VersionNotation::Php) | ("~>", VersionNotation::Ruby) => {
            !has_more
        }
        _ => false,
    };
    if allows_later_minor {
        return number >= wanted && number / MAJOR_VERSION_FACTOR == wanted / MAJOR_VERSION_FACTOR;
    }
    match operator {
        ">=" => number >= wanted,
        ">" => number > wanted || (has_more && number == wanted),
        "<=" => number <= wanted,
        "<" => number < wanted || (has_more && number == wanted && !version.ends_with(".0")),
        "!=" => has_more || number != wanted,
        "" if notation.allows_later() => number >= wanted,
        _ => number == wanted,
    }
}

/// Words before a version: `python-3.12`, `go1.24`, `temurin-21`.
const VERSION_PREFIXES: [&str; 11] = [
    "python-",
    "cpython-",
    "ruby-",
    "go",
    "temurin-",
    "openjdk-",
    "openjdk64-",
    "corretto-",
    "zulu-",
    "adoptopenjdk-",
    "v",
];

/// Number of a version that distinguishes the images; `None` when the version does not contain it.
fn parse_number(version: &str, notation: VersionNotation) -> Option<u32> {
    let version = version.trim();
    let version = VERSION_PREFIXES.iter().find_map(|prefix| version.strip_prefix(prefix)).unwrap_or(version);
    if let Some(name) = version.strip_prefix("lts/") {
        return NODE_RELEASE_NAMES
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, number)| *number);
    }
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let major = match notation {
        VersionNotation::Java => parse_java_major(version)?,
        _ => parts.next()??,
    };
    let Some(common) = notation.common_major() else { return Some(major) };
    let minor = parts.next().flatten();
    if major == common && minor.is_none() {
        return None;
    }
    Some(major.saturating_mul(MAJOR_VERSION_FACTOR).saturating_add(minor.unwrap_or(0)))
}

/// Major version of Java: `21.0.2`, `21-tem`, `1.8`.
fn parse_java_major(version: &str) -> Option<u32> {
    let version = version.strip_prefix("1.").unwrap_or(version);
    let digits = version.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

/// Names of Node.js releases with long-term support.
const NODE_RELEASE_NAMES: [(&str, u32); 6] =
    [("fermium", 14), ("gallium", 16), ("hydrogen", 18), ("iron", 20), ("jod", 22), ("krypton", 24)];

/// Lowest number that a range names.
fn parse_lowest_number(range: &str, notation: VersionNotation) -> Option<u32> {
    let words = range.split(|symbol: char| symbol.is_whitespace() || symbol == ',' || symbol == '|');
    let numbers = words.filter_map(|word| parse_number(split_operator(word).1, notation));
    numbers.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list_fitting(range: &str, notation: VersionNotation, numbers: &[u32]) -> Vec<u32> {
        numbers.iter().copied().filter(|number| is_in_range(range, *number, notation)).collect()
    }

    #[test]
    fn python_ranges_contain_their_versions() {
        let fitting = |range: &str| list_fitting(range, VersionNotation::Python, &[309, 311, 313, 314]);
        for (range, expected) in [
            ("3.13", &[313][..]),
            ("python-3.13.1", &[313]),
            (">=3.11", &[311, 313, 314]),
            (">=3.11,<3.14", &[311, 313]),
            (">= 3.11, < 3.14", &[311, 313]),
            ("^3.11", &[311, 313, 314]),
            ("~=3.12", &[313, 314]),
            ("~=3.13.1", &[313]),
            ("==3.13.*", &[313]),
            (">=3.9,<4", &[309, 311, 313, 314]),
            (">=3.8,!=3.9.*", &[311, 313, 314]),
            (">3.11", &[313, 314]),
            ("<3.12", &[309, 311]),
            ("3", &[309, 311, 313, 314]),
            ("*", &[309, 311, 313, 314]),
            ("2.7", &[]),
            ("^2.7", &[]),
            (">=4", &[]),
        ] {
            assert_eq!(fitting(range), expected, "{range}");
        }
    }

    #[test]
    fn php_ranges_contain_their_versions() {
        let fitting = |range: &str| list_fitting(range, VersionNotation::Php, &[802, 804]);
        for (range, expected) in [
            (">=8.1", &[802, 804][..]),
            ("^8.0", &[802, 804]),
            ("^8.3", &[804]),
            ("^7.4|^8.0", &[802, 804]),
            ("^7.4 || ^8.4", &[804]),
            ("~8.1", &[802, 804]),
            ("~8.2.0", &[802]),
            ("8.4.*", &[804]),
            ("8.*", &[802, 804]),
            (">=7.2 <8.3", &[802]),
            (">=8.3", &[804]),
            ("^7.4", &[]),
            ("<8", &[]),
            ("^9", &[]),
        ] {
            assert_eq!(fitting(range), expected, "{range}");
        }
    }

    #[test]
    fn node_ranges_contain_their_versions() {
        let fitting = |range: &str| list_fitting(range, VersionNotation::Node, &[18, 20, 24]);
        for (range, expected) in [
            ("22", &[][..]),
            (">=22", &[24]),
            ("v20.11.1", &[20]),
            ("20.x", &[20]),
            ("^18.17 || >=20.1", &[18, 20, 24]),
            (">=18 <21", &[18, 20]),
            ("18 - 20", &[18, 20]),
            ("~20.1", &[20]),
            ("lts/*", &[18, 20, 24]),
            ("lts/iron", &[20]),
            ("*", &[18, 20, 24]),
            ("<18", &[]),
        ] {
            assert_eq!(fitting(range), expected, "{range}");
        }
    }

    #[test]
    fn versions_of_compilers_are_the_lowest_that_are_needed() {
        let fitting = |range: &str| list_fitting(range, VersionNotation::Compiler, &[124, 127]);
        for (range, expected) in [
            ("1.21", &[124, 127][..]),
            ("1.24.1", &[124, 127]),
            ("go1.25.3", &[127]),
            ("1.28", &[]),
            ("stable", &[124, 127]),
            ("nightly-2026-01-01", &[124, 127]),
        ] {
            assert_eq!(fitting(range), expected, "{range}");
        }
        let java = |range: &str| list_fitting(range, VersionNotation::Java, &[21, 25]);
        for (range, expected) in [
            ("1.8", &[21, 25][..]),
            ("17", &[21, 25]),
            ("temurin-21.0.2", &[21, 25]),
            ("22-tem", &[25]),
            ("26", &[]),
        ] {
            assert_eq!(java(range), expected, "{range}");
        }
    }

    #[test]
    fn ruby_ranges_contain_their_versions() {
        let fitting = |range: &str| list_fitting(range, VersionNotation::Ruby, &[301, 303]);
        for (range, expected) in [
            ("3.3.5", &[303][..]),
            ("ruby-3.1", &[301]),
            ("~> 3.0", &[301, 303]),
            ("~> 3.1.0", &[301]),
            (">= 3.2, < 4", &[303]),
            ("3.2.2", &[]),
            ("2.7.8", &[]),
        ] {
            assert_eq!(fitting(range), expected, "{range}");
        }
    }

    #[test]
    fn nearest_newer_image_replaces_a_missing_one() {
        const NODE_IMAGES: &[VersionedImage] = &[
            VersionedImage { number: 18, version: "18", image: "node18" },
            VersionedImage { number: 24, version: "24", image: "node24" },
        ];
        let choose = |text: &str| {
            let mut reasons = Vec::new();
            let request = VersionRequest::new(".nvmrc", text);
            let image =
                choose_image(NODE_IMAGES, VersionNotation::Node, "Node.js", request.as_ref(), &mut reasons);
            (image.image, reasons.pop().unwrap_or_default())
        };
        assert_eq!(choose(""), ("node18", String::new()));
        assert_eq!(choose("20\n").0, "node24");
        assert!(choose("20\n").1.contains("available are 18, 24"), "{}", choose("20\n").1);
        assert_eq!(choose("30").0, "node24");
        assert_eq!(choose("nonsense").0, "node18");
    }
}
