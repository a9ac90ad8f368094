//! Programs that a compiler makes in a stage, for an image without the compiler.

use crate::{
    plan::StartCommand,
    recipe::{RecipeStep, StageName},
    versions::VersionedImage,
};

/// Folder of the programs, below the working folder, and their path in the image.
const PROGRAM_PATH: &str = "/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Images with a compiler, and the plain image with the same C library, in which its programs run.
const PLAIN_IMAGES: [(&str, &str); 2] = [("golang-current", "forky-slim"), ("rust-current", "forky-slim")];
const DEFAULT_PLAIN_IMAGE: &str = "trixie-slim";

/// Programs that are the web server when there are several.
const WEB_PROGRAMS: [&str; 6] = ["web", "server", "app", "api", "serve", "main"];

/// Maximum length of a program's name.
const MAX_NAME_BYTES: usize = 60;
/// Maximum number of programs that a suggestion names.
const MAX_NAMED_PROGRAMS: usize = 5;

/// The plain image for the programs of an image with a compiler.
pub fn find_plain_image(image: VersionedImage) -> &'static str {
    PLAIN_IMAGES
        .iter()
        .find(|(compiler, _)| *compiler == image.image)
        .map_or(DEFAULT_PLAIN_IMAGE, |(_, plain)| plain)
}

/// Plans the image: the files of the source, because programs read templates and pages from them, and the programs.
pub fn plan_program_files() -> Vec<RecipeStep> {
    vec![RecipeStep::CopyBuilt(StageName::Build, None), RecipeStep::Env("PATH", PROGRAM_PATH)]
}

/// True for a name that stands in a command line unchanged.
pub fn is_program_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.starts_with(['-', '.']) && name.bytes().all(fits)
}

/// Guesses the program that is the web server: the only one, one with a usual name, or the one called as the source.
pub fn guess_program(names: &[String], source_name: Option<&str>, reason: &str) -> StartCommand {
    let usual = || WEB_PROGRAMS.iter().find_map(|usual| names.iter().find(|name| name == usual));
    let own = || names.iter().find(|name| Some(name.as_str()) == source_name);
    let found = match names {
        [only] => Some(only),
        _ => usual().or_else(own),
    };
    match (found, names) {
        (Some(name), _) => {
            StartCommand::Guessed { command: format!("bin/{name}"), reason: reason.to_owned() }
        }
        (None, []) => StartCommand::Unknown(Some("web: bin/PROGRAM".to_owned())),
        (None, [first, others @ ..]) => {
            let others: Vec<&str> = others.iter().take(MAX_NAMED_PROGRAMS).map(String::as_str).collect();
            StartCommand::Unknown(Some(format!("web: bin/{first} (or {})", others.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess_command(names: &[&str], source_name: Option<&str>) -> Result<String, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        match guess_program(&names, source_name, "cmd/") {
            StartCommand::Guessed { command, .. } => Ok(command),
            StartCommand::Unknown(suggestion) => Err(suggestion.unwrap_or_default()),
        }
    }

    #[test]
    fn web_server_is_found_among_programs() {
        assert_eq!(guess_command(&["tidy"], None), Ok("bin/tidy".to_owned()));
        assert_eq!(guess_command(&["migrate", "server"], None), Ok("bin/server".to_owned()));
        assert_eq!(guess_command(&["migrate", "pond"], Some("pond")), Ok("bin/pond".to_owned()));
        assert_eq!(guess_command(&["a", "b", "c"], Some("pond")), Err("web: bin/a (or b, c)".to_owned()));
        assert_eq!(guess_command(&[], None), Err("web: bin/PROGRAM".to_owned()));
    }

    #[test]
    fn only_plain_names_are_names_of_programs() {
        for name in ["pond", "pond-2", "a.b_c"] {
            assert!(is_program_name(name), "{name}");
        }
        for name in ["", "-x", ".x", "a b", "a/b", "$(id)", "ä", &"x".repeat(61)] {
            assert!(!is_program_name(name), "{name}");
        }
    }
}
