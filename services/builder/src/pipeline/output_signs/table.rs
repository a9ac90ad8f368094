//! The table of signs: texts in the output of build tools, each with the class of the failure and the next step.

use hearth_wire::builds::BuildFailureClass::{
    self, CompileError, DependencyNotFound, Network, OutOfDisk, OutOfMemory, Plan, Source,
    StartCommandMissing,
};

/// A sign: texts that one line contains, in lower case, and the class that they show.
pub struct OutputSign {
    pub texts: &'static [&'static str],
    pub class: BuildFailureClass,
    /// The next step, where it is more exact than that of the class.
    pub next_step: Option<&'static str>,
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

// Next steps of several signs.
const LOCK_BY_PNPM: &str = "Run pnpm install, and commit pnpm-lock.yaml.";
const LOCK_BY_YARN: &str = "Run yarn install, and commit yarn.lock.";
const LOCK_BY_COMPOSER: &str = "Run composer update, and commit composer.lock.";
const LOCK_BY_GO: &str = "Run go mod tidy, and commit go.mod and go.sum.";
const LOCK_BY_BUNDLER: &str = "Run bundle install, and commit Gemfile.lock.";
const CHOOSE_PYTHON: &str =
    "Ask for that Python in .python-version; hearth build plan names those that this Hearth has.";
const CHOOSE_NODE: &str =
    "Ask for that Node.js in .nvmrc; hearth build plan names those that this Hearth has.";
const CHOOSE_JAVA: &str =
    "Lower java.version or maven.compiler.release in pom.xml to a version that hearth build plan names.";
const CHOOSE_GO: &str =
    "Lower go in go.mod to a version that hearth build plan names, or use a Containerfile.";
const CHOOSE_CRATE: &str =
    "Use an older version of the crate: cargo update CRATE --precise VERSION, and commit Cargo.lock.";
const ADD_NODE_PACKAGE: &str =
    "Run npm install PACKAGE for this module, and commit package.json and package-lock.json.";
const ADD_CRATE: &str = "Run cargo add CRATE for this name, and commit Cargo.toml and Cargo.lock.";
const ADD_JAVA_LIBRARY: &str =
    "Add the library of this package to the dependencies of pom.xml or build.gradle.";
const ADD_PROGRAM: &str =
    "Add the package of this program: to the packages of the language, or Debian's to Aptfile.";
const CORRECT_DEBIAN_NAME: &str = "Correct the name of the Debian package in Aptfile or hearth.yaml.";
const CORRECT_SOURCE_KEY: &str = "The key of this package source does not fit its signature. Ask an operator to add the \
                                  source again with the right key: hearth admin package-sources add";
const SEPARATE_SOURCE_HOST: &str =
    "Ask an operator to serve the package source by another host name, or to let it override Debian.";
const LET_SOURCE_OVERRIDE: &str = "Builds prefer Debian's version of a package, and another one is needed. Ask an operator \
                                   to let the package source override Debian.";
const SET_CREDENTIAL: &str = "The repository is private, or does not exist. Set a credential that may read it: hearth build \
                              credentials set ADDRESS";
const FOLLOW_REDIRECT: &str = "The repository has moved, and a credential is sent to no other address than its own. Give the \
                               new address, in .gitmodules for a submodule, and set a credential for it: hearth build \
                               credentials set ADDRESS";
const ADD_COMPILERS: &str = "Add build-essential and python3 to Aptfile.";

/// Signs by priority: when several are in the output of one step, the first of this table counts.
pub const OUTPUT_SIGNS: &[OutputSign] = &[
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
    sign_with_step(&["err_pnpm_outdated_lockfile"], Plan, LOCK_BY_PNPM),
    sign_with_step(&["err_pnpm_no_lockfile"], Plan, LOCK_BY_PNPM),
    sign_with_step(&["lock file", "--locked was passed"], Plan, "Run cargo check, and commit Cargo.lock."),
    sign_with_step(
        &["lock file version", "does not understand this lock file"],
        Plan,
        "Set rust-version in Cargo.toml to the version of your cargo, or write Cargo.lock with an older one.",
    ),
    sign_with_step(&["your lockfile needs to be updated"], Plan, LOCK_BY_YARN),
    sign_with_step(&["the lockfile would have been modified by this install"], Plan, LOCK_BY_YARN),
    sign_with_step(
        &["pyproject.toml changed significantly since poetry.lock was last generated"],
        Plan,
        "Run poetry lock, and commit poetry.lock.",
    ),
    sign_with_step(
        &["lock file is not up to date with the latest changes in composer.json"],
        Plan,
        LOCK_BY_COMPOSER,
    ),
    sign_with_step(&["required package", "is not present in the lock file"], Plan, LOCK_BY_COMPOSER),
    sign_with_step(&["updates to go.mod needed"], Plan, LOCK_BY_GO),
    sign_with_step(&["missing go.sum entry"], Plan, LOCK_BY_GO),
    sign_with_step(&["the gemfile's dependencies are not installed", "frozen"], Plan, LOCK_BY_BUNDLER),
    sign_with_step(&["dependencies in your gemfile changed"], Plan, LOCK_BY_BUNDLER),
    sign_with_step(&["in deployment mode after changing", "gemfile"], Plan, LOCK_BY_BUNDLER),
    sign_with_step(&["the gemfile lock is corrupt"], Plan, "Run bundle lock, and commit Gemfile.lock."),
    sign_with_step(
        &["your bundle only supports platforms"],
        Plan,
        "Run bundle lock --add-platform x86_64-linux, and commit Gemfile.lock.",
    ),
    // Versions of a language that no image has.
    sign_with_step(&["requires a different python:"], Plan, CHOOSE_PYTHON),
    sign_with_step(&["no interpreter found for python"], Plan, CHOOSE_PYTHON),
    sign_with_step(&["because the current python version", "does not satisfy"], Plan, CHOOSE_PYTHON),
    sign_with_step(&["the engine \"node\" is incompatible with this module"], Plan, CHOOSE_NODE),
    sign_with_step(&["code ebadengine"], Plan, CHOOSE_NODE),
    sign_with_step(&["err_pnpm_unsupported_engine"], Plan, CHOOSE_NODE),
    sign_with_step(
        &["your php version", "does not satisfy that requirement"],
        Plan,
        "Allow a PHP in composer.json that hearth build plan names, and run composer update.",
    ),
    sign_with_step(&["requires go >=", "running go"], Plan, CHOOSE_GO),
    sign_with_step(&["toolchain not available"], Plan, CHOOSE_GO),
    sign_with_step(&["rustc", "is not supported by the following package"], Plan, CHOOSE_CRATE),
    sign_with_step(&["requires rustc "], Plan, CHOOSE_CRATE),
    sign_with_step(&["release version", "not supported"], Plan, CHOOSE_JAVA),
    sign_with_step(&["invalid target release:"], Plan, CHOOSE_JAVA),
    sign_with_step(&["invalid source release:"], Plan, CHOOSE_JAVA),
    sign_with_step(
        &["unsupported class file major version"],
        Plan,
        "Use a newer Gradle: gradle wrapper --gradle-version VERSION, and commit gradle/wrapper.",
    ),
    sign_with_step(
        &["cannot find a java installation on your machine"],
        Plan,
        "Lower the version of the toolchain in build.gradle to one that hearth build plan names.",
    ),
    sign_with_step(
        &["your ruby version is", "but your gemfile specified"],
        Plan,
        "Write ruby \"~> 3.3\" in the Gemfile, run bundle lock, and commit both.",
    ),
    // Results that cannot be started.
    sign_with_step(
        &["no jar has a main-class"],
        StartCommandMissing,
        "Configure the main class of the jar, or add a Procfile with web: java -cp target/classes MAIN.",
    ),
    sign_with_step(
        &["several jars can be started"],
        StartCommandMissing,
        "Add a Procfile that names one of them, as in web: java -jar FILE.",
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
    sign(&["npm err", "no matching version found for"], DependencyNotFound),
    sign(&["npm err", "code etarget"], DependencyNotFound),
    sign(&["err_pnpm_fetch_404"], DependencyNotFound),
    sign(&["err_pnpm_no_matching_version"], DependencyNotFound),
    sign(&["couldn't find package", "on the \"npm\" registry"], DependencyNotFound),
    sign(&["couldn't find any versions for"], DependencyNotFound),
    sign(&["yn0035", "package not found"], DependencyNotFound),
    sign(&["yn0082", "no candidates found"], DependencyNotFound),
    // Packages that the source uses without naming them.
    sign_with_step(
        &["modulenotfounderror: no module named"],
        DependencyNotFound,
        "Add the package of this module to requirements.txt or pyproject.toml.",
    ),
    sign_with_step(&["failed to resolve import"], DependencyNotFound, ADD_NODE_PACKAGE),
    sign_with_step(&["module not found: error: can't resolve"], DependencyNotFound, ADD_NODE_PACKAGE),
    sign(&["error: cannot find module '."], CompileError),
    sign(&["error: cannot find module '/"], CompileError),
    sign_with_step(&["[err_module_not_found]: cannot find package"], DependencyNotFound, ADD_NODE_PACKAGE),
    sign_with_step(&["error: cannot find module"], DependencyNotFound, ADD_NODE_PACKAGE),
    sign_with_step(&["error ts2307: cannot find module"], DependencyNotFound, ADD_NODE_PACKAGE),
    sign_with_step(&["npm err", "missing script:"], Plan, "Add this script to scripts in package.json."),
    sign_with_step(&["use of unresolved module or unlinked crate"], DependencyNotFound, ADD_CRATE),
    sign_with_step(&["use of undeclared crate or module"], DependencyNotFound, ADD_CRATE),
    sign_with_step(&[".java:", "error: package", "does not exist"], DependencyNotFound, ADD_JAVA_LIBRARY),
    sign_with_step(
        &["[error]", ".java:[", "package", "does not exist"],
        DependencyNotFound,
        ADD_JAVA_LIBRARY,
    ),
    sign_with_step(
        &["cannot load such file --"],
        DependencyNotFound,
        "Run bundle add GEM for this file, and commit Gemfile and Gemfile.lock.",
    ),
    sign_with_step(
        &["bundler: command not found:"],
        DependencyNotFound,
        "Run bundle add GEM for this program, and commit Gemfile and Gemfile.lock.",
    ),
    sign_with_step(
        &["config value 'theme': unrecognised theme name"],
        DependencyNotFound,
        "Add the package of this theme to requirements.txt, as in mkdocs-material.",
    ),
    sign_with_step(
        &["config value 'plugins': the", "plugin is not installed"],
        DependencyNotFound,
        "Add the package of this plugin to requirements.txt.",
    ),
    sign_with_step(
        &["theme could not be found"],
        DependencyNotFound,
        "Add the gem of this theme to the Gemfile, and commit Gemfile and Gemfile.lock.",
    ),
    sign_with_step(
        &["error: module", "not found in", "hugo module"],
        DependencyNotFound,
        "Commit the theme in the folder themes, also as a submodule: git submodule add URL themes/NAME.",
    ),
    // composer
    sign(&["could not be found in any version"], DependencyNotFound),
    sign(&["root composer.json requires", "it could not be found"], DependencyNotFound),
    sign(&["root composer.json requires", "found", "but"], DependencyNotFound),
    sign_with_step(
        &["gradlewrappermain"],
        Plan,
        "Run gradle wrapper, and commit gradlew and gradle/wrapper.",
    ),
    sign(&["-> no matching package found"], DependencyNotFound),
    sign_with_step(
        &["requires php extension"],
        DependencyNotFound,
        "Add the Debian package of the PHP extension to Aptfile, as in php-gd.",
    ),
    // go
    sign(&["cannot find module providing package"], DependencyNotFound),
    sign_with_step(&["no required module provides package"], DependencyNotFound, LOCK_BY_GO),
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
    sign_with_step(&["e: unable to locate package"], DependencyNotFound, CORRECT_DEBIAN_NAME),
    sign_with_step(&["e: package", "has no installation candidate"], DependencyNotFound, CORRECT_DEBIAN_NAME),
    sign_with_step(&["e: the repository", "is not signed"], DependencyNotFound, CORRECT_SOURCE_KEY),
    sign_with_step(&["e: a package source has the host of debian"], DependencyNotFound, SEPARATE_SOURCE_HOST),
    sign_with_step(
        &["the following packages have unmet dependencies"],
        DependencyNotFound,
        LET_SOURCE_OVERRIDE,
    ),
    // git
    sign(&["fatal: repository", "not found"], Source),
    sign_with_step(&["fatal: could not read username"], Source, SET_CREDENTIAL),
    sign_with_step(&["fatal: authentication failed for"], Source, SET_CREDENTIAL),
    sign_with_step(
        &["fatal: unable to access", "the requested url returned error: 403"],
        Source,
        SET_CREDENTIAL,
    ),
    sign_with_step(
        &["fatal: unable to access", "the requested url returned error: 30"],
        Source,
        FOLLOW_REDIRECT,
    ),
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
    sign(&["e: failed to fetch"], Network),
    sign(&["net::opentimeout"], Network),
    sign(&["java.net.unknownhostexception"], Network),
    sign(&["java.net.connectexception"], Network),
    sign(&["could not reach host"], Network),
    sign(&["pinging container registry"], Network),
    // Compilers: last, because installers compile too and their messages are more exact.
    sign_with_step(
        &["pg_config executable not found"],
        CompileError,
        "Add libpq-dev to Aptfile, or use a package with wheels, such as psycopg2-binary.",
    ),
    sign_with_step(
        &["the system library", "was not found"],
        CompileError,
        "Add the Debian package of the library (its name ends in -dev) to Aptfile, as in libssl-dev.",
    ),
    sign_with_step(
        &["could not find directory of openssl installation"],
        CompileError,
        "Add libssl-dev to Aptfile.",
    ),
    sign_with_step(
        &["error: command", "gcc", "failed: no such file or directory"],
        CompileError,
        "Add build-essential and python3-dev to Aptfile.",
    ),
    sign_with_step(&["gyp err!", "not found: make"], CompileError, ADD_COMPILERS),
    sign_with_step(&["gyp err! find python"], CompileError, ADD_COMPILERS),
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
    sign(&["./", ".go:", ": "], CompileError),
    sign(&[".java:", "error:"], CompileError),
    sign(&["[error]", ".java:["], CompileError),
    sign(&["[error] compilation error"], CompileError),
    sign(&["error ts"], CompileError),
    sign(&["php parse error"], CompileError),
    sign(&["failed to compile"], CompileError),
    sign(&["error: failed to build gem native extension"], CompileError),
    sign(&["gem::ext::builderror"], CompileError),
    sign(&["an error occurred while installing", "bundler cannot continue"], CompileError),
    sign(&["[error] ", ": error: "], CompileError),
    sign_with_step(&["[error] could not resolve \""], DependencyNotFound, ADD_NODE_PACKAGE),
    sign(&["✘ [error]"], CompileError),
    sign(&["error during build:"], CompileError),
    sign(&["parse error:", "syntax error,"], CompileError),
    sign(&[": error: "], CompileError),
    // Programs that the image does not have, by the shell.
    sign_with_step(&["sh: ", ": not found"], DependencyNotFound, ADD_PROGRAM),
    sign_with_step(&["sh: ", ": command not found"], DependencyNotFound, ADD_PROGRAM),
];
