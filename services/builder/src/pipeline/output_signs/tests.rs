//! Outputs of real tools, each with its class and the line that is shown.

use hearth_wire::builds::BuildFailureClass::{
    CompileError, DependencyNotFound, Network, OutOfMemory, Plan, Source, StartCommandMissing,
};

use super::*;

mod mistakes;

fn explain_output(lines: &str) -> Option<(BuildFailureClass, String)> {
    let mut signs = OutputSigns::default();
    lines.lines().for_each(|line| signs.record_line(line));
    signs.find_explanation().map(|explained| (explained.class, explained.line.unwrap_or_default()))
}

/// Outputs: the tool, its output, the class, and the beginning of the line that shows the cause.
const REAL_OUTPUTS: &[(&str, &str, BuildFailureClass, &str)] = &[
    (
        "pip without such a package",
        "Looking in indexes: https://index.example/simple\n\
         ERROR: Could not find a version that satisfies the requirement nosuchpackage==1.0 (from versions: none)\n\
         ERROR: No matching distribution found for nosuchpackage==1.0\n\
         Error: building at STEP \"RUN pip install -r requirements.txt\": while running runtime: exit status 1",
        DependencyNotFound,
        "ERROR: Could not find a version that satisfies the requirement nosuchpackage==1.0",
    ),
    (
        "pip without a network",
        "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken \
         by 'NewConnectionError('<HTTPConnection object at 0x7f786090e7d0>: Failed to establish a new connection: [Errno \
         111] Connection refused')': /nosuchpackage/\n\
         ERROR: Could not find a version that satisfies the requirement nosuchpackage (from versions: none)\n\
         ERROR: No matching distribution found for nosuchpackage",
        Network,
        "WARNING: Retrying (Retry(total=0",
    ),
    (
        "pip with a package that needs PostgreSQL's headers",
        "  Error: pg_config executable not found.\n  ERROR: Failed building wheel for psycopg2",
        CompileError,
        "Error: pg_config executable not found.",
    ),
    (
        "npm without such a package",
        "npm error code E404\n\
         npm error 404 Not Found - GET http://registry.example/nosuchpackage\n\
         npm error 404\n\
         npm error 404  The requested resource 'nosuchpackage@1.0.0' could not be found or you do not have permission to \
         access it.",
        DependencyNotFound,
        "npm error 404 Not Found - GET http://registry.example/nosuchpackage",
    ),
    (
        "npm without a network",
        "npm error code ECONNREFUSED\nnpm error syscall connect\nnpm error errno ECONNREFUSED\n\
         npm error FetchError: request to http://registry.example/x failed, reason: connect ECONNREFUSED 192.0.2.1:1",
        Network,
        "npm error code ECONNREFUSED",
    ),
    (
        "npm ci without a lock file",
        "npm error code EUSAGE\nnpm error\n\
         npm error The `npm ci` command can only install with an existing package-lock.json or",
        Plan,
        "npm error The `npm ci` command can only install",
    ),
    (
        "pnpm without such a package",
        " ERR_PNPM_FETCH_404  GET https://registry.example/nosuch: Not Found - 404\n\
         This error happened while installing a direct dependency of /app",
        DependencyNotFound,
        "ERR_PNPM_FETCH_404",
    ),
    (
        "pnpm with an old lock file",
        " ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\" because pnpm-lock.yaml is not up-to-date \
         with package.json",
        Plan,
        "ERR_PNPM_OUTDATED_LOCKFILE",
    ),
    (
        "composer without such a package",
        "Your requirements could not be resolved to an installable set of packages.\n\n  Problem 1\n    \
         - Root composer.json requires example/nosuch, it could not be found in any version, there may be a typo in the \
         package name.",
        DependencyNotFound,
        "- Root composer.json requires example/nosuch",
    ),
    (
        "composer without an extension",
        "  Problem 1\n    - Root composer.json requires PHP extension ext-gd * but it is missing from your system.",
        DependencyNotFound,
        "- Root composer.json requires PHP extension ext-gd",
    ),
    (
        "go without such a module",
        "go: finding module for package module.example/nosuch\n\
         main.go:3:8: cannot find module providing package module.example/nosuch: module module.example/nosuch: reading \
         http://proxy.example/module.example/nosuch/@v/list: 404 Not Found",
        DependencyNotFound,
        "main.go:3:8: cannot find module providing package",
    ),
    (
        "go with a package that go.mod does not name",
        "main.go:3:8: no required module provides package module.example/nosuch; to add it:\n\
         \tgo get module.example/nosuch",
        DependencyNotFound,
        "main.go:3:8: no required module provides package",
    ),
    (
        "go without a network",
        "main.go:3:8: module module.example/nosuch: Get \"http://proxy.example/@v/list\": dial tcp 192.0.2.1:1: connect: \
         connection refused",
        Network,
        "main.go:3:8: module module.example/nosuch",
    ),
    (
        "go with an error in the source",
        "# x\n./main.go:3:15: undefined: undefinedThing",
        CompileError,
        "./main.go:3:15: undefined: undefinedThing",
    ),
    (
        "cargo with an error in the source",
        "   Compiling x v0.1.0 (/app)\nerror[E0308]: mismatched types\n --> src/main.rs:1:26\n\
         error: could not compile `x` (bin \"x\") due to 1 previous error",
        CompileError,
        "error[E0308]: mismatched types",
    ),
    (
        "cargo without such a crate",
        "    Updating index\nerror: no matching package named `nosuch` found\nlocation searched: registry",
        DependencyNotFound,
        "error: no matching package named `nosuch` found",
    ),
    (
        "javac",
        "A.java:1: error: incompatible types: String cannot be converted to int\n1 error",
        CompileError,
        "A.java:1: error: incompatible types",
    ),
    (
        "Maven without such an artifact",
        "[ERROR] Failed to execute goal on project b: Could not resolve dependencies for project a:b:jar:1: Could not \
         find artifact x.y:nosuch:jar:1 in central -> [Help 1]",
        DependencyNotFound,
        "[ERROR] Failed to execute goal on project b",
    ),
    (
        "bundler without such a gem",
        "Fetching gem metadata from https://gems.example/.\nCould not find gem 'nosuch' in rubygems repository \
         https://gems.example/ or installed locally.",
        DependencyNotFound,
        "Could not find gem 'nosuch'",
    ),
    (
        "git without such a repository",
        "fatal: repository 'http://git.example/x/' not found",
        Source,
        "fatal: repository 'http://git.example/x/' not found",
    ),
    (
        "git without a network",
        "fatal: unable to access 'http://git.example/x/': Could not resolve host: git.example",
        Network,
        "fatal: unable to access",
    ),
    (
        "Node.js out of memory",
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\nAborted (core dumped)",
        OutOfMemory,
        "FATAL ERROR: Reached heap limit",
    ),
    (
        "apt without such a package",
        "E: Unable to locate package libnosuch-dev",
        DependencyNotFound,
        "E: Unable to locate package libnosuch-dev",
    ),
];

#[test]
fn output_of_each_tool_has_its_class_and_line() {
    for (tool, output, class, line) in REAL_OUTPUTS {
        let (found, shown) = explain_output(output).unwrap_or_else(|| panic!("{tool}: no sign"));
        assert_eq!(found, *class, "{tool}: {shown}");
        assert!(shown.starts_with(line), "{tool}: {shown}");
    }
}

#[test]
fn signs_of_an_instruction_that_succeeded_are_forgotten() {
    let output = "STEP 2/5: RUN pip install -r requirements.txt\n\
                  ERROR: No matching distribution found for optional-thing\n\
                  STEP 3/5: RUN ./build\nsomething else failed";
    assert_eq!(explain_output(output), None);
    let stages = "[1/2] STEP 2/5: RUN npm ci\nnpm error code ETARGET\n[2/2] STEP 1/3: FROM x\nfailed";
    assert_eq!(explain_output(stages), None);
}

#[test]
fn each_sign_is_written_in_lower_case() {
    for sign in OUTPUT_SIGNS {
        assert!(!sign.texts.is_empty());
        for text in sign.texts {
            assert_eq!(*text, text.to_lowercase());
        }
    }
}
