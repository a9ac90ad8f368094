//! Node.js: `package.json`, with the lock files of npm, pnpm and yarn.

mod output;
mod package;

use hearth_base::Result;
use serde_json::Value;

pub use package::NodePackage;

use super::{DetectionContext, generators, static_files};
use crate::{
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    recipe::{BuildStage, RecipeStep, StageName},
    source::SourceTree,
    source_path::SourcePath,
};
use output::{BuildOutput, find_build_output};
use package::{NodeManifest, find_slim_image};

/// Commands that serve a site to its developers while they change it.
const DEVELOPMENT_SERVERS: [&[&str]; 14] = [
    &["vite"],
    &["vite", "dev"],
    &["vite", "serve"],
    &["react-scripts", "start"],
    &["vue-cli-service", "serve"],
    &["astro", "dev"],
    &["parcel"],
    &["parcel", "serve"],
    &["webpack", "serve"],
    &["webpack-dev-server"],
    &["docusaurus", "start"],
    &["eleventy", "--serve"],
    &["gatsby", "develop"],
    &["ng", "serve"],
];

/// Programs that the images without npm lack.
const PACKAGE_MANAGER_PROGRAMS: [&str; 7] = ["npm", "npx", "yarn", "yarnpkg", "pnpm", "pnpx", "corepack"];

/// Folder of the installed packages.
const PACKAGES_FOLDER: SourcePath = SourcePath::from_known("node_modules");

/// Programs that serve built pages. As packages of the developers they are not in the image.
const PREVIEW_SERVERS: [&str; 5] = ["vite", "astro", "serve", "http-server", "docusaurus"];

/// Detects Node.js by `package.json`; `None` without one, and for tools of the developers beside a page. Error
/// `package-json` (invalid).
pub fn detect_node(source: &dyn SourceTree, context: DetectionContext<'_>) -> Result<Option<DetectedSource>> {
    let Some(package) = NodePackage::read(source, None)? else { return Ok(None) };
    let tooling_only = package.manifest.is_tooling_only() && !source.has_file("server.js")?;
    if tooling_only
        && (static_files::find_front_page(source)?.is_some() || generators::has_generator(source)?)
    {
        return Ok(None);
    }
    let mut reasons = Vec::new();
    package.describe_installation(source, &mut reasons)?;
    let image = package.choose_image(&mut reasons);
    let steps = package.plan_installation(&mut reasons);
    let mut start = guess_web_command(source, &package.manifest)?;
    if package.has_build_script() {
        let has_server = matches!(start, StartCommand::Guessed { .. })
            && !package
                .manifest
                .read_script("start")
                .is_some_and(|_| serves_developers_only(&package.manifest));
        match find_build_output(source, &package.manifest)? {
            _ if context.has_processes() => {}
            BuildOutput::Site { tool, folder } if !has_server => {
                return Ok(Some(plan_site(&package, image.image, steps, tool, folder, reasons)));
            }
            BuildOutput::Server { framework, command } if !has_server => {
                start = StartCommand::Guessed {
                    command: command.to_owned(),
                    reason: format!("package.json: {framework}"),
                };
            }
            BuildOutput::Unknown(sentence) if !has_server => {
                reasons.push(sentence.to_owned());
                let steps = [steps, vec![RecipeStep::Run(package.manager.build)]].concat();
                let recipe = BuildRecipe::Steps { base: image.image, steps, stages: Vec::new() };
                let start = StartCommand::Unknown(Some("web: npm run SCRIPT".to_owned()));
                return Ok(Some(DetectedSource { kind: SourceKind::Node, recipe, reasons, start }));
            }
            _ => {}
        }
        reasons.push(
            "package.json has a build script: it is run, then development packages are removed.".to_owned(),
        );
    }
    let slim = find_slim_image(image).filter(|_| runs_without_npm(context, &start));
    if slim.is_some() {
        reasons.push("The processes start with node, so the image has no npm.".to_owned());
    }
    let recipe = plan_image(&package, image.image, slim, steps);
    Ok(Some(DetectedSource { kind: SourceKind::Node, recipe, reasons, start }))
}

/// Plans the image of a program. `slim` is the image without npm, where the program needs none.
fn plan_image(
    package: &NodePackage,
    full: &'static str,
    slim: Option<&'static str>,
    mut steps: Vec<RecipeStep>,
) -> BuildRecipe {
    let environment = RecipeStep::Env("NODE_ENV", "production");
    let copy_built = RecipeStep::CopyBuilt(StageName::Build, None);
    let build = |steps| vec![BuildStage { name: StageName::Build, base: full, steps }];
    if package.has_build_script() {
        steps.push(RecipeStep::Run(package.manager.build));
        steps.extend(package.manager.prune.map(RecipeStep::Run));
        // What only the build needed stays in its stage.
        let base = slim.unwrap_or(full);
        return BuildRecipe::Steps { base, steps: vec![copy_built, environment], stages: build(steps) };
    }
    let Some(slim) = slim else {
        steps.push(environment);
        return BuildRecipe::Steps { base: full, steps, stages: Vec::new() };
    };
    if package.installs_nothing() {
        let steps = vec![environment, RecipeStep::CopyAll];
        return BuildRecipe::Steps { base: slim, steps, stages: Vec::new() };
    }
    // The last step copies the source, unless the installation reads it.
    let mut own = vec![environment];
    own.extend(match steps.pop_if(|step| *step == RecipeStep::CopyAll) {
        Some(copy) => vec![RecipeStep::CopyBuilt(StageName::Build, Some(PACKAGES_FOLDER)), copy],
        None => vec![copy_built],
    });
    BuildRecipe::Steps { base: slim, steps: own, stages: build(steps) }
}

/// True when each process starts with `node`: its image needs no npm. Without processes, jobs may run any command.
fn runs_without_npm(context: DetectionContext<'_>, start: &StartCommand) -> bool {
    match (context.processes, start) {
        (Some(declared), _) => {
            !declared.is_empty() && declared.values().all(|command| starts_with_node(command))
        }
        (None, StartCommand::Guessed { command, .. }) => starts_with_node(command),
        (None, StartCommand::Unknown(_)) => false,
    }
}

/// True for a command line that starts with `node`, after variables and `exec`, and names no package manager.
fn starts_with_node(command: &str) -> bool {
    let words = || command.split(|symbol: char| symbol.is_whitespace() || "'\"();&|`".contains(symbol));
    let mut program = words().skip_while(|word| word.is_empty() || *word == "exec" || word.contains('='));
    program.next() == Some("node")
        && !words().any(|word| PACKAGE_MANAGER_PROGRAMS.contains(&word) || word.contains("$npm_"))
}

/// True when the script `start` serves the pages to developers only, or by a program that the image does not have.
fn serves_developers_only(manifest: &NodeManifest) -> bool {
    let script = manifest.read_script("start").unwrap_or_default();
    // `npm run dev`, `yarn dev`
    let named = match script.split_whitespace().collect::<Vec<_>>()[..] {
        ["npm" | "pnpm" | "yarn", "run", name] | ["pnpm" | "yarn", name] => manifest.read_script(name),
        _ => None,
    };
    let script = named.unwrap_or(script);
    let program = script.split_whitespace().next().unwrap_or_default();
    let is_preview = PREVIEW_SERVERS.contains(&program) && manifest.is_development_package(program);
    is_development_server(script) || is_preview
}

/// True when a script serves the site to its developers only.
fn is_development_server(script: &str) -> bool {
    let words = script.split_whitespace().filter(|word| !word.contains('=') && *word != "npx");
    // `npx @11ty/eleventy`, `node_modules/.bin/vite`
    let words = words.map(|word| word.rsplit('/').next().unwrap_or(word));
    let command: Vec<&str> = words.take_while(|word| !word.starts_with("--") || *word == "--serve").collect();
    DEVELOPMENT_SERVERS.contains(&command.as_slice())
}

/// Guesses the command of the process `web`.
fn guess_web_command(source: &dyn SourceTree, manifest: &NodeManifest) -> Result<StartCommand> {
    let start = |direct: Option<&str>, reason: &str| StartCommand::Guessed {
        command: direct.unwrap_or("npm start").to_owned(),
        reason: reason.to_owned(),
    };
    if let Some(script) = manifest.read_script("start") {
        return Ok(start(manifest.find_direct_command(script), "package.json: script start"));
    }
    if source.has_file("server.js")? {
        return Ok(start(manifest.find_direct_command("node server.js"), "server.js"));
    }
    let main = manifest.main.as_ref().and_then(Value::as_str).map(|path| path.trim_start_matches("./"));
    for file in ["index.js", "app.js"] {
        let is_main = main == Some(file) || main.is_none() && !manifest.dependencies.is_empty();
        if is_main && manifest.read_script("build").is_none() && source.has_file(file)? {
            return Ok(StartCommand::Guessed { command: format!("node {file}"), reason: file.to_owned() });
        }
    }
    let main = main.and_then(SourcePath::parse);
    let file = main.as_ref().map_or("FILE", SourcePath::as_str);
    Ok(StartCommand::Unknown(Some(format!("web: node {file}"))))
}

/// Plans a site that a build script makes: it is built in a stage, and served as static files.
fn plan_site(
    package: &NodePackage,
    image: &'static str,
    mut steps: Vec<RecipeStep>,
    tool: &str,
    folder: SourcePath,
    mut reasons: Vec<String>,
) -> DetectedSource {
    steps.push(RecipeStep::Run(package.manager.build));
    reasons
        .push(format!("package.json: {tool} builds a site into {folder}/, which is served as static files."));
    let stage = BuildStage { name: StageName::Build, base: image, steps };
    static_files::plan_built_site(Vec::new(), stage, folder, reasons)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_need_no_npm_are_known() {
        for command in
            ["node server.js", "PORT=${PORT:-8000} node .", "exec node a.js && ./b", "A=1 B=2 node x"]
        {
            assert!(starts_with_node(command), "{command}");
        }
        for command in [
            "",
            "npm start",
            "nodemon server.js",
            "./start.sh",
            "node build.js && npm run serve",
            "node a.js; (npx x)",
            "node $npm_package_main",
        ] {
            assert!(!starts_with_node(command), "{command}");
        }
    }

    #[test]
    fn start_script_is_run_directly_only_where_npm_adds_nothing() {
        let find_command = |scripts: &str| {
            let manifest: NodeManifest =
                serde_json::from_str(&format!("{{\"scripts\": {{{scripts}}}}}")).unwrap();
            manifest.find_direct_command(manifest.read_script("start").unwrap()).map(str::to_owned)
        };
        assert_eq!(find_command(r#""start": "node server.js""#).as_deref(), Some("node server.js"));
        for scripts in [
            r#""start": "node server.js", "prestart": "node migrate.js""#,
            r#""start": "next start""#,
            r#""start": "node a.js\nb""#,
        ] {
            assert_eq!(find_command(scripts), None, "{scripts}");
        }
    }

    #[test]
    fn servers_for_developers_are_known() {
        for script in [
            "vite",
            "vite --host",
            "npx @11ty/eleventy --serve",
            "PORT=3000 react-scripts start",
            "eleventy --serve",
            "astro dev --port 3",
        ] {
            assert!(is_development_server(script), "{script}");
        }
        for script in ["vite preview", "node server.js", "serve dist", "next start", "astro preview"] {
            assert!(!is_development_server(script), "{script}");
        }
    }
}
