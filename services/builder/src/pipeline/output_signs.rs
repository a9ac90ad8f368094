//! Signs of a cause in the output of build tools: a table of texts, each with the class of the failure.

use hearth_wire::builds::{
    BuildFailure,
    BuildFailureClass::{
        self, CompileError, DependencyNotFound, Network, OutOfDisk, OutOfMemory, Plan, Source,
    },
};

/// A sign: texts that one line contains, in lower case, and the class that they show.
struct OutputSign {
    texts: &'static [&'static str],
    class: BuildFailureClass,
    /// The next step, where it is more exact than that of the class.
    next_step: Option<&'static str>,
}

const fn sign(texts: &'static [&'static str], class: BuildFailureClass) -> OutputSign {
    OutputSign { texts, class, next_step: None }
}

const fn sign_with_step(
    texts: &'static [&'static str],
    class: BuildFailureClass,
    next_step: &'static str,
) -> OutputSign {
    OutputSign { texts, class, next_step: Some(next_step) }
}

/// Signs by priority: when several are in the output of one step, the first of this table counts.
const OUTPUT_SIGNS: &[OutputSign] = &[
    sign(&["no space left on device"], OutOfDisk),
    sign(&["disk quota exceeded"], OutOfDisk),
    sign(&["javascript heap out of memory"], OutOfMemory),
    sign(&["java.lang.outofmemoryerror"], OutOfMemory),
    sign(&["virtual memory exhausted"], OutOfMemory),
    sign(&["allowed memory size of", "exhausted"], OutOfMemory),
    sign(&["signal: killed"], OutOfMemory),
    sign(&["signal: 9, sigkill"], OutOfMemory),
    // Lock files that do not fit: before the packages that they then miss.
    sign_with_step(
        &["can only install packages when your package.json and package-lock.json"],
        Plan,
        "Run npm install, and commit the new package-lock.json.",
    ),
    sign_with_step(
        &["npm ci", "can only install with an existing package-lock.json"],
        Plan,
        "Run npm install, and commit package-lock.json.",
    ),
    sign_with_step(&["err_pnpm_outdated_lockfile"], Plan, "Run pnpm install, and commit pnpm-lock.yaml."),
    sign_with_step(&["err_pnpm_no_lockfile"], Plan, "Run pnpm install, and commit pnpm-lock.yaml."),
    sign_with_step(
        &["lock file", "needs to be updated but --locked was passed"],
        Plan,
        "Run cargo build, and commit Cargo.lock.",
    ),
    sign_with_step(&["your lockfile needs to be updated"], Plan, "Run yarn install, and commit yarn.lock."),
    sign_with_step(
        &["lock file is not up to date with the latest changes in composer.json"],
        Plan,
        "Run composer update, and commit composer.lock.",
    ),
    sign_with_step(&["updates to go.mod needed"], Plan, "Run go mod tidy, and commit go.mod and go.sum."),
    sign_with_step(&["missing go.sum entry"], Plan, "Run go mod tidy, and commit go.mod and go.sum."),
    sign_with_step(
        &["the gemfile's dependencies are not installed", "frozen"],
        Plan,
        "Run bundle install, and commit Gemfile.lock.",
    ),
    // pip: without an answer of the index it says afterwards that the package does not exist.
    sign(&["retrying (retry(total=0", "after connection broken by"], Network),
    // pip
    sign(&["could not find a version that satisfies the requirement"], DependencyNotFound),
    sign(&["no matching distribution found for"], DependencyNotFound),
    // uv
    sign(&["was not found in the package registry"], DependencyNotFound),
    sign(&["no solution found when resolving dependencies"], DependencyNotFound),
    // npm, yarn, pnpm
    sign(&["npm err", "404", "not found - get"], DependencyNotFound),
    sign(&["npm err", "code etarget"], DependencyNotFound),
    sign(&["err_pnpm_fetch_404"], DependencyNotFound),
    sign(&["err_pnpm_no_matching_version"], DependencyNotFound),
    sign(&["couldn't find package", "on the \"npm\" registry"], DependencyNotFound),
    sign(&["couldn't find any versions for"], DependencyNotFound),
    // composer
    sign(&["could not be found in any version"], DependencyNotFound),
    sign(&["root composer.json requires", "it could not be found"], DependencyNotFound),
    sign(&["root composer.json requires", "found", "but"], DependencyNotFound),
    sign(&["-> no matching package found"], DependencyNotFound),
    sign_with_step(
        &["requires php extension"],
        DependencyNotFound,
        "Add the Debian package of the PHP extension to Aptfile, as in php-gd.",
    ),
    // go
    sign(&["cannot find module providing package"], DependencyNotFound),
    sign_with_step(
        &["no required module provides package"],
        DependencyNotFound,
        "Run go mod tidy, and commit go.mod and go.sum.",
    ),
    sign(&["go: ", "unknown revision"], DependencyNotFound),
    // cargo
    sign(&["error: no matching package named"], DependencyNotFound),
    sign(&["error: failed to select a version for the requirement"], DependencyNotFound),
    sign(&["error: no matching package found"], DependencyNotFound),
    // Maven, Gradle
    sign(&["could not find artifact"], DependencyNotFound),
    sign(&["could not be resolved", "[error]", "absent"], DependencyNotFound),
    sign(&["> could not find ", ":"], DependencyNotFound),
    // bundler
    sign(&["could not find gem"], DependencyNotFound),
    sign(&["could not find compatible versions"], DependencyNotFound),
    sign(&["bundler::gemnotfound"], DependencyNotFound),
    // apt
    sign_with_step(
        &["e: unable to locate package"],
        DependencyNotFound,
        "Correct the name of the Debian package in Aptfile or hearth.yaml.",
    ),
    sign_with_step(
        &["e: package", "has no installation candidate"],
        DependencyNotFound,
        "Correct the name of the Debian package in Aptfile or hearth.yaml.",
    ),
    // git
    sign(&["fatal: repository", "not found"], Source),
    sign(&["fatal: could not read username"], Source),
    sign(&["fatal: remote error: upload-pack: not our ref"], Source),
    // Servers out of reach, of any tool.
    sign(&["temporary failure in name resolution"], Network),
    sign(&["could not resolve host"], Network),
    sign(&["name or service not known"], Network),
    sign(&["getaddrinfo enotfound"], Network),
    sign(&["getaddrinfo eai_again"], Network),
    sign(&["npm err", "code econnrefused"], Network),
    sign(&["npm err", "code etimedout"], Network),
    sign(&["npm err", "code econnreset"], Network),
    sign(&["err_socket_timeout"], Network),
    sign(&["dial tcp", "connection refused"], Network),
    sign(&["dial tcp", "i/o timeout"], Network),
    sign(&["failed to connect to", "port"], Network),
    sign(&["couldn't connect to server"], Network),
    sign(&["could not transfer artifact"], Network),
    sign(&["net::opentimeout"], Network),
    sign(&["could not reach host"], Network),
    sign(&["pinging container registry"], Network),
    // Compilers: last, because installers compile too and their messages are more exact.
    sign_with_step(
        &["pg_config executable not found"],
        CompileError,
        "Add libpq-dev to Aptfile, or use a package with wheels, such as psycopg2-binary.",
    ),
    sign_with_step(
        &["fatal error: ", ".h: no such file or directory"],
        CompileError,
        "Add the Debian package that has this header (its name ends in -dev) to Aptfile.",
    ),
    sign(&["failed building wheel for"], CompileError),
    sign(&["failed to build installable wheels"], CompileError),
    sign(&["syntaxerror: "], CompileError),
    sign(&["error[e0"], CompileError),
    sign(&["error: could not compile"], CompileError),
    sign(&[".go:", ": undefined: "], CompileError),
    sign(&[".go:", "syntax error"], CompileError),
    sign(&[".go:", "declared and not used"], CompileError),
    sign(&[".go:", "imported and not used"], CompileError),
    sign(&[".go:", "cannot use "], CompileError),
    sign(&[".java:", "error:"], CompileError),
    sign(&["[error] compilation error"], CompileError),
    sign(&["[error]", ".java:["], CompileError),
    sign(&["error ts"], CompileError),
    sign(&["php parse error"], CompileError),
    sign(&["failed to compile"], CompileError),
    sign(&["error: failed to build gem native extension"], CompileError),
    sign(&["gem::ext::builderror"], CompileError),
    sign(&[": error: "], CompileError),
];

/// Signs that the lines of a step have shown since the last instruction of the recipe.
#[derive(Debug, Default)]
pub struct OutputSigns {
    /// Index of the sign with the highest priority so far, with its first line.
    best: Option<(usize, String)>,
}

impl OutputSigns {
    /// Records a line. A new instruction of the recipe (`STEP 3/7: RUN …` of buildah) forgets the signs: what came before
    /// has succeeded.
    pub fn record_line(&mut self, line: &str) {
        if is_instruction(line) {
            self.best = None;
            return;
        }
        let lower = line.to_lowercase();
        let before = self.best.as_ref().map_or(OUTPUT_SIGNS.len(), |(index, _)| *index);
        let found =
            OUTPUT_SIGNS[..before].iter().position(|sign| sign.texts.iter().all(|text| lower.contains(text)));
        if let Some(index) = found {
            self.best = Some((index, line.trim().to_owned()));
        }
    }

    /// Explains a failure by the sign with the highest priority; `None` without a sign.
    pub fn find_explanation(&self) -> Option<BuildFailure> {
        let (index, line) = self.best.as_ref()?;
        let OutputSign { texts: _, class, next_step } = &OUTPUT_SIGNS[*index];
        let mut explanation = explain_class(*class, Some(line.clone()));
        if let Some(next_step) = next_step {
            explanation.next_step = (*next_step).to_owned();
        }
        Some(explanation)
    }
}

/// Returns true for buildah's line about the next instruction, `STEP 3/7: RUN …`, also of a stage, `[1/2] STEP 3/7: …`.
fn is_instruction(line: &str) -> bool {
    let rest =
        line.split_once("] ").filter(|(stage, _)| stage.starts_with('[')).map_or(line, |(_, rest)| rest);
    let Some(numbers) = rest.strip_prefix("STEP ").and_then(|rest| rest.split(':').next()) else {
        return false;
    };
    numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/')
}

/// Explains a failure by its class.
pub fn explain_class(class: BuildFailureClass, line: Option<String>) -> BuildFailure {
    let next_step = match class {
        BuildFailureClass::Source => {
            "Check the address, the ref and the folder, and that the repository is public."
        }
        BuildFailureClass::Plan => "Run hearth build plan in the source: it shows what is looked for.",
        BuildFailureClass::DependencyNotFound => {
            "Correct the name or the version of this package where the source requires it."
        }
        BuildFailureClass::CompileError => "Correct the source at this line, and build it again.",
        BuildFailureClass::Network => {
            "Start the build again later; if it stays so, ask an operator whether this server may be reached."
        }
        BuildFailureClass::OutOfMemory => {
            "Let the build use less memory, for instance by fewer compilers at one time, or ask an operator for more \
             (builder.memory)."
        }
        BuildFailureClass::OutOfDisk => "Ask an operator of this Hearth to free space for builds.",
        BuildFailureClass::Time => {
            "Make the build shorter, or ask an operator for more time (builds.time_limit)."
        }
        BuildFailureClass::StartCommandMissing => "Add a line web: COMMAND to a file Procfile.",
        BuildFailureClass::CommandFailed => "Read the whole log: hearth build logs",
    };
    BuildFailure { class, line, next_step: next_step.to_owned() }
}

#[cfg(test)]
mod tests;
