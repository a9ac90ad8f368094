//! The usual mistakes of each language, as real tools print them, each with the next step that names what to add.

use super::*;

/// Outputs: the language and the mistake, the output of the tool, the class, the beginning of the line that shows the
/// cause, and a part of the next step.
const USUAL_MISTAKES: &[(&str, &str, BuildFailureClass, &str, &str)] = &[
    (
        "python: wrong version, pip",
        "  Preparing metadata (pyproject.toml): finished with status 'done'\n\
         INFO: pip is looking at multiple versions of x to determine which version is compatible with other requirements.\n\
         ERROR: Package 'x' requires a different Python: 3.11.7 not in '>=3.99'",
        Plan,
        "ERROR: Package 'x' requires a different Python",
        ".python-version",
    ),
    (
        "python: wrong version, uv",
        "error: No interpreter found for Python >=3.99 in managed installations or search path",
        Plan,
        "error: No interpreter found",
        ".python-version",
    ),
    (
        "python: missing package, uv",
        "error: No solution found when resolving dependencies\n  cause: Because nosuch was not found in the package registry and \
         your project depends on nosuch, we can conclude that your project's requirements are unsatisfiable.",
        DependencyNotFound,
        "cause: Because nosuch was not found",
        "Correct the name or the version",
    ),
    (
        "python: module without its package",
        "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n\
         ModuleNotFoundError: No module named 'nosuchmodule'",
        DependencyNotFound,
        "ModuleNotFoundError: No module named",
        "requirements.txt",
    ),
    (
        "python: outdated lock file, Poetry",
        "pyproject.toml changed significantly since poetry.lock was last generated. Run `poetry lock` to fix the lock file.",
        Plan,
        "pyproject.toml changed",
        "Run poetry lock",
    ),
    (
        "node: version that does not exist",
        "npm error code ETARGET\nnpm error notarget No matching version found for is-number@99.0.0.\n\
         npm error notarget In most cases you or one of your dependencies are requesting a package version that doesn't exist.",
        DependencyNotFound,
        "npm error notarget No matching version found for is-number@99.0.0",
        "Correct the name or the version",
    ),
    (
        "node: missing script",
        "npm error Missing script: \"build\"\nnpm error\nnpm error To see a list of scripts, run:\nnpm error   npm run",
        Plan,
        "npm error Missing script: \"build\"",
        "scripts in package.json",
    ),
    (
        "node: outdated lock file, yarn 1",
        "[1/4] Resolving packages...\n\
         error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`.",
        Plan,
        "error Your lockfile",
        "commit yarn.lock",
    ),
    (
        "node: outdated lock file, yarn 4",
        "➤ YN0028: │ +  linkType: hard\n\
         ➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.\n\
         ➤ YN0000: · Failed with errors in 0s 261ms",
        Plan,
        "➤ YN0028: │ The lockfile would have been modified",
        "commit yarn.lock",
    ),
    (
        "node: wrong version, yarn 1",
        "[1/5] Validating package.json...\n\
         error @: The engine \"node\" is incompatible with this module. Expected version \">=99\". Got \"20.20.2\"\n\
         error Found incompatible module.",
        Plan,
        "error @: The engine",
        ".nvmrc",
    ),
    (
        "node: missing package, yarn 4",
        "➤ YN0035: │ nosuch@npm:7.0.0: Package not found\n➤ YN0035: │   Response Code: 404 (Not Found)",
        DependencyNotFound,
        "➤ YN0035: │ nosuch@npm:7.0.0",
        "Correct the name or the version",
    ),
    (
        "node: module without its package",
        "Error: Cannot find module 'missing-thing'\nRequire stack:\n- /app/b.cjs",
        DependencyNotFound,
        "Error: Cannot find module 'missing-thing'",
        "npm install PACKAGE",
    ),
    (
        "node: file of the source that is missing",
        "Error: Cannot find module '/app/dist/index.js'",
        CompileError,
        "Error: Cannot find module",
        "Correct the source",
    ),
    (
        "front end: module without its package, Vite",
        "x Build failed in 2.21s\nerror during build:\n\
         [vite]: Rollup failed to resolve import \"nosuch-module\" from \"/app/src/index.js\".",
        DependencyNotFound,
        "[vite]: Rollup failed to resolve import \"nosuch-module\"",
        "npm install PACKAGE",
    ),
    (
        "front end: module without its package, webpack",
        "ERROR in ./src/index.js 1:0-23\nModule not found: Error: Can't resolve 'nosuch-module' in '/app/src'",
        DependencyNotFound,
        "Module not found: Error: Can't resolve 'nosuch-module'",
        "npm install PACKAGE",
    ),
    (
        "front end: module without its package, TypeScript",
        "a.ts(1,15): error TS2307: Cannot find module 'nosuch-module' or its corresponding type declarations.",
        DependencyNotFound,
        "a.ts(1,15): error TS2307",
        "npm install PACKAGE",
    ),
    (
        "front end: module without its package, esbuild",
        "✘ [ERROR] Could not resolve \"nosuch-module\"\n    src/index.js:1:7:",
        DependencyNotFound,
        "✘ [ERROR] Could not resolve",
        "npm install PACKAGE",
    ),
    (
        "front end: compile error, TypeScript",
        "a.ts(1,38): error TS2322: Type 'string' is not assignable to type 'number'.",
        CompileError,
        "a.ts(1,38)",
        "Correct the source",
    ),
    (
        "front end: program without its package",
        "> build\n> tailwindcss -i input.css\n\nsh: 1: tailwindcss: not found",
        DependencyNotFound,
        "sh: 1: tailwindcss: not found",
        "Add the package of this program",
    ),
    (
        "go: missing lock file",
        "main.go:2:8: missing go.sum entry for module providing package github.com/go-chi/chi/v5 (imported by x); to add:\n\
         \tgo get x",
        Plan,
        "main.go:2:8: missing go.sum entry",
        "go mod tidy",
    ),
    (
        "go: wrong version",
        "go: go.mod requires go >= 2.1 (running go 1.26.8; GOTOOLCHAIN=local)",
        Plan,
        "go: go.mod requires go >= 2.1",
        "Lower go in go.mod",
    ),
    (
        "go: compile error",
        "# x\n./main.go:3:40: too many return values\n\thave (number)\n\twant ()",
        CompileError,
        "./main.go:3:40: too many return values",
        "Correct the source",
    ),
    (
        "rust: outdated lock file",
        "    Updating index\nerror: cannot update the lock file /app/Cargo.lock because --locked was passed to prevent this",
        Plan,
        "error: cannot update the lock file",
        "commit Cargo.lock",
    ),
    (
        "rust: wrong version",
        "error: rustc 1.85.0 is not supported by the following package:\n  x@0.1.0 requires rustc 1.99",
        Plan,
        "error: rustc 1.85.0",
        "older version of the crate",
    ),
    (
        "rust: crate that is not in the list",
        "error[E0432]: unresolved import `serde`\n --> src/main.rs:1:5\n  |\n1 | use serde::Deserialize; fn main(){}\n  |     ^^^^^ \
         use of unresolved module or unlinked crate `serde`",
        DependencyNotFound,
        "|     ^^^^^ use of unresolved module",
        "cargo add CRATE",
    ),
    (
        "java: wrong version",
        "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.1:compile (default-compile) on project \
         b: Fatal error compiling: error: invalid target release: 99 -> [Help 1]",
        Plan,
        "[ERROR] Failed to execute goal",
        "Lower java.version",
    ),
    (
        "java: library that is not in the list",
        "[ERROR] COMPILATION ERROR : \n[ERROR] /app/src/main/java/A.java:[1,14] package nosuch does not exist",
        DependencyNotFound,
        "[ERROR] /app/src/main/java/A.java:[1,14] package nosuch",
        "Add the library of this package",
    ),
    (
        "java: compile error",
        "[ERROR] COMPILATION ERROR : \n[ERROR] /app/src/main/java/A.java:[1,19] incompatible types: java.lang.String cannot be \
         converted to int",
        CompileError,
        "[ERROR] /app/src/main/java/A.java:[1,19]",
        "Correct the source",
    ),
    (
        "java: no start command",
        "No jar has a Main-Class: configure the main class of the jar, or write the start command into a Procfile, as in web: \
         java -cp target/classes MAIN",
        StartCommandMissing,
        "No jar has a Main-Class",
        "Procfile",
    ),
    (
        "ruby: outdated lock file",
        "The dependencies in your gemfile changed, but the lockfile can't be updated because frozen mode is set\n\n\
         You have added to the Gemfile:\n* rack",
        Plan,
        "The dependencies in your gemfile changed",
        "commit Gemfile.lock",
    ),
    (
        "ruby: wrong version",
        "Your Ruby version is 3.3.8, but your Gemfile specified 2.7.8",
        Plan,
        "Your Ruby version is 3.3.8",
        "ruby \"~> 3.3\"",
    ),
    (
        "ruby: program without its gem",
        "bundler: command not found: rails\nInstall missing gem executables with `bundle install`",
        DependencyNotFound,
        "bundler: command not found: rails",
        "bundle add GEM",
    ),
    (
        "ruby: compile error of a gem",
        "An error occurred while installing pg (1.5.4), and Bundler cannot continue.",
        CompileError,
        "An error occurred while installing pg",
        "Correct the source",
    ),
    (
        "php: outdated lock file",
        "Verifying lock file contents can be installed on current platform.\nWarning: The lock file is not up to date with the \
         latest changes in composer.json. You may be getting out of date dependencies.\n\
         - Required package \"psr/log\" is not present in the lock file.",
        Plan,
        "Warning: The lock file is not up to date",
        "commit composer.lock",
    ),
    (
        "php: wrong version",
        "  Problem 1\n    - Root composer.json requires php ^7.4 but your php version (8.2.29) does not satisfy that requirement.",
        Plan,
        "- Root composer.json requires php ^7.4",
        "Allow a PHP in composer.json",
    ),
    (
        "php: version that does not exist",
        "  Problem 1\n    - Root composer.json requires psr/log ^99, found psr/log[1.1.4] but it does not match the constraint.",
        DependencyNotFound,
        "- Root composer.json requires psr/log ^99",
        "Correct the name or the version",
    ),
    (
        "php: compile error",
        "PHP Parse error:  syntax error, unexpected token \"}\" in /app/src/Page.php on line 7",
        CompileError,
        "PHP Parse error",
        "Correct the source",
    ),
    (
        "site generator: missing theme, MkDocs",
        "ERROR   -  Config value 'theme': Unrecognised theme name: 'material'. The available installed themes are: mkdocs, \
         readthedocs",
        DependencyNotFound,
        "ERROR   -  Config value 'theme'",
        "requirements.txt",
    ),
];

#[test]
fn usual_mistakes_of_each_language_have_a_next_step_that_names_what_to_add() {
    for (mistake, output, class, line, step) in USUAL_MISTAKES {
        let mut signs = OutputSigns::default();
        output.lines().for_each(|line| signs.record_line(line));
        let found = signs.find_explanation().unwrap_or_else(|| panic!("{mistake}: no sign"));
        assert_eq!(found.class, *class, "{mistake}: {found:?}");
        let shown = found.line.unwrap_or_default();
        assert!(shown.starts_with(line), "{mistake}: {shown}");
        assert!(found.next_step.contains(step), "{mistake}: {}", found.next_step);
    }
}
