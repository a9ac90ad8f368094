//! A source's own Containerfile or Dockerfile.

use hearth_base::Result;

use crate::{
    label::{PROCESSES_LABEL, parse_label_value},
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    procfile::Processes,
    source::SourceTree,
};

/// Names of a source's own Containerfile, in order of precedence.
pub const CONTAINERFILE_NAMES: [&str; 2] = ["Containerfile", "Dockerfile"];

/// Files from which an image could be built without the Containerfile.
const OTHER_MANIFESTS: [&str; 12] = [
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "setup.py",
    "composer.json",
    "go.mod",
    "Cargo.toml",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "Gemfile",
    "package.json",
];

/// Finds the source's own Containerfile.
pub fn find_containerfile(source: &dyn SourceTree) -> Result<Option<&'static str>> {
    for file in CONTAINERFILE_NAMES {
        if source.has_file(file)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Plans the build by the source's own Containerfile.
pub fn plan_containerfile(
    source: &dyn SourceTree,
    file: &'static str,
    declared: Option<&Processes>,
) -> Result<DetectedSource> {
    let text = source.read(file)?.unwrap_or_default();
    let mut reasons = vec![format!("{file}: it defines how the image is built and is used unchanged.")];
    for manifest in OTHER_MANIFESTS {
        if source.has_file(manifest)? {
            reasons.push(format!(
                "{manifest} is there too and is used only by the {file}. To build from it instead: --recipe detected."
            ));
            break;
        }
    }
    match (declared, find_start_instruction(&text)) {
        (None, _) if read_processes_label(&text).is_some() => {
            reasons.push(format!("{file}: its label {PROCESSES_LABEL} has the processes."));
        }
        (None, Some(instruction)) => {
            reasons.push(format!("There is no Procfile: the image starts as its {instruction} says."));
        }
        (None, None) => reasons.push(format!(
            "There is no Procfile, and the {file} has no CMD: the image starts with the command of its base image, if \
             that has one."
        )),
        (Some(_), Some("ENTRYPOINT")) => reasons.push(format!(
            "The {file} has an ENTRYPOINT, which the processes of the Procfile replace."
        )),
        (Some(_), _) => {}
    }
    Ok(DetectedSource {
        kind: SourceKind::Containerfile,
        recipe: BuildRecipe::Containerfile { file, text },
        reasons,
        start: StartCommand::Unknown(None),
    })
}

/// Reads the processes of the label that a printed Containerfile has; `None` without it.
pub fn read_processes_label(text: &str) -> Option<Processes> {
    let start = format!("LABEL {PROCESSES_LABEL}=\"");
    let quoted = text.lines().rev().find_map(|line| line.trim().strip_prefix(&start)?.strip_suffix('"'))?;
    let mut value = String::new();
    let mut symbols = quoted.chars();
    while let Some(symbol) = symbols.next() {
        // A backslash escapes the symbol after it, as in the shell's double quotation marks.
        value.extend(if symbol == '\\' { symbols.next() } else { Some(symbol) });
    }
    parse_label_value(&value)
}

/// Finds the instruction of the last stage that starts a program (Containerfile(5), CMD and ENTRYPOINT).
fn find_start_instruction(text: &str) -> Option<&'static str> {
    let mut found = None;
    for line in text.lines().map(str::trim_start) {
        let word = line.split_whitespace().next().unwrap_or_default();
        match word.to_ascii_uppercase().as_str() {
            "FROM" => found = None,
            "ENTRYPOINT" => found = Some("ENTRYPOINT"),
            "CMD" if found.is_none() => found = Some("CMD"),
            _ => {}
        }
    }
    found
}

/// Names of the images that a Containerfile reads: of `FROM`, `COPY --from` and `RUN --mount=…,from=`, without its own
/// stages. Build arguments are replaced by their values or defaults; a name with an unknown one is left out.
pub fn list_source_images(text: &str, arguments: &[(&str, &str)]) -> Vec<String> {
    let mut known: Vec<(String, String)> = Vec::new();
    let mut stages: Vec<String> = Vec::new();
    let mut images: Vec<String> = Vec::new();
    let mut in_stage = false;
    for line in join_continued_lines(text) {
        let mut words = line.split_whitespace();
        let instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        match instruction.as_str() {
            "ARG" if !in_stage => {
                for word in words {
                    let (name, default) = word.split_once('=').unwrap_or((word, ""));
                    let given = arguments.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
                    known.push((
                        name.to_owned(),
                        given.unwrap_or(default).trim_matches(['"', '\'']).to_owned(),
                    ));
                }
            }
            "FROM" => {
                in_stage = true;
                let words: Vec<&str> = words.filter(|word| !word.starts_with("--")).collect();
                add_image(&mut images, &stages, words.first().copied().unwrap_or_default(), &known);
                if let [_, keyword, name] = words[..]
                    && keyword.eq_ignore_ascii_case("as")
                {
                    stages.push(name.to_lowercase());
                }
            }
            "COPY" | "ADD" | "RUN" => {
                for word in words {
                    let from = word.strip_prefix("--from=").or_else(|| {
                        word.strip_prefix("--mount=")?.split(',').find_map(|part| part.strip_prefix("from="))
                    });
                    if let Some(name) = from {
                        add_image(&mut images, &stages, name, &known);
                    }
                }
            }
            _ => {}
        }
    }
    images
}

/// True when a Containerfile may add files of the network (Containerfile(5), ADD). A variable may be an address.
pub fn reads_remote_files(text: &str) -> bool {
    join_continued_lines(text).iter().any(|line| {
        let line = line.to_ascii_lowercase();
        let mut words = line.split_whitespace().skip_while(|word| *word == "onbuild");
        let is_remote = |word: &str| word.contains("://") || word.contains("git@") || word.contains('$');
        words.next() == Some("add") && words.any(is_remote)
    })
}

fn add_image(images: &mut Vec<String>, stages: &[String], name: &str, known: &[(String, String)]) {
    let Some(name) = expand_arguments(name.trim_matches(['"', '\'']), known) else { return };
    let is_stage = stages.contains(&name.to_lowercase()) || name.bytes().all(|byte| byte.is_ascii_digit());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    let valid = !name.starts_with('-') && name.len() <= 400 && name.bytes().all(fits);
    if !is_stage && valid && name != "scratch" && !images.contains(&name) {
        images.push(name);
    }
}

/// Replaces `$NAME`, `${NAME}` and `${NAME:-default}`; `None` when one has no value.
fn expand_arguments(text: &str, known: &[(String, String)]) -> Option<String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let (expression, remaining) = match after.strip_prefix('{') {
            Some(inner) => inner.split_once('}')?,
            None => after.split_at(
                after
                    .find(|symbol: char| !symbol.is_ascii_alphanumeric() && symbol != '_')
                    .unwrap_or(after.len()),
            ),
        };
        let (name, default) = expression.split_once(":-").unwrap_or((expression, ""));
        let value = known.iter().rev().find(|(known, value)| known == name && !value.is_empty());
        let value = value.map_or(default, |(_, value)| value);
        if value.is_empty() {
            return None;
        }
        expanded.push_str(value);
        rest = remaining;
    }
    expanded.push_str(rest);
    Some(expanded)
}

/// Joins lines that end with a backslash, and leaves comments and empty lines out: they may also stand between such lines.
fn join_continued_lines(text: &str) -> Vec<String> {
    let mut joined = Vec::new();
    let mut current = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_suffix('\\') {
            Some(begun) => {
                current.push_str(begun);
                current.push(' ');
            }
            None => {
                current.push_str(line);
                joined.push(std::mem::take(&mut current));
            }
        }
    }
    joined.push(current);
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_instruction_of_the_last_stage_counts() {
        assert_eq!(find_start_instruction("FROM a AS b\nCMD x\nFROM c\n"), None);
        assert_eq!(find_start_instruction("FROM a\n  cmd [\"x\"]\n"), Some("CMD"));
        assert_eq!(find_start_instruction("FROM a\nCMD x\nENTRYPOINT y\n"), Some("ENTRYPOINT"));
    }

    #[test]
    fn source_images_are_those_that_are_no_stage() {
        let text = "# FROM comment\nARG VERSION=3.11\nARG OTHER\nFROM --platform=x python${VERSION} AS Build\nARG VERSION=9\n\
                    RUN --mount=type=bind,from=hearth/tools,source=/a,target=/b true\nFROM build AS next\n\
                    FROM $OTHER\nFROM \\\n  bookworm\nCOPY --from=0 a b\nCOPY --from=build a b\n\
                    COPY --from=localhost:8080/tool-x/y:1 a b\nFROM scratch\nFROM ${UNKNOWN}\nFROM ${UNKNOWN:-alpine}\n";
        assert_eq!(
            list_source_images(text, &[("OTHER", "node18")]),
            ["python3.11", "hearth/tools", "node18", "bookworm", "localhost:8080/tool-x/y:1", "alpine"]
        );
    }

    #[test]
    fn remote_files_of_a_containerfile_are_found() {
        for text in [
            "FROM a\nADD https://example.org/x /x\n",
            "add git@example.org:x.git /x",
            "ONBUILD ADD ftp://a b",
            "FROM a\nADD \\\n  # comment\n\n  https://example.org/x \\\n  /x\n",
            "ARG U=https://example.org/x\nFROM a\nADD $U /x\n",
        ] {
            assert!(reads_remote_files(text), "{text}");
        }
        for text in [
            "FROM a\nADD x /x\n",
            "RUN curl https://example.org\n",
            "COPY . .\n",
            "RUN apk add $X \\\n  && curl https://example.org\n",
        ] {
            assert!(!reads_remote_files(text), "{text}");
        }
    }

    #[test]
    fn hostile_names_are_left_out() {
        let text = "FROM -x\nFROM a;b\nFROM $(id)\nFROM ${A\nFROM\n";
        assert!(list_source_images(text, &[("A", "x y")]).is_empty());
    }
}
