//! Result of the build script of a package: the pages of a site, or a server.
//!
//! | package | makes |
//! |---|---|
//! | SvelteKit with `adapter-static`, `nuxt generate` | a site |
//! | SvelteKit with `adapter-node`, Nuxt, Astro with `@astrojs/node`, Next.js | a server |
//! | a tool of [`SITE_GENERATORS`], also in a script that the build script runs | a site |

use hearth_base::Result;

use super::package::NodeManifest;
use crate::{source::SourceTree, source_path::SourcePath};

/// Result of a build script.
pub enum BuildOutput {
    /// Pages in a folder.
    Site {
        /// Name of the tool.
        tool: &'static str,
        /// The folder.
        folder: SourcePath,
    },
    /// A server.
    Server {
        /// Name of the framework.
        framework: &'static str,
        /// Command that starts it.
        command: &'static str,
    },
    /// Unknown, with a sentence for the user.
    Unknown(&'static str),
}

/// A tool that builds a site.
struct SiteGenerator {
    /// Its program.
    program: &'static str,
    /// Folder that it writes by default.
    folder: &'static str,
    /// Options that name another folder.
    options: &'static [&'static str],
}

/// Tools that build sites.
const SITE_GENERATORS: [SiteGenerator; 10] = [
    SiteGenerator { program: "vite", folder: "dist", options: &["--outDir"] },
    SiteGenerator { program: "vue-cli-service", folder: "dist", options: &["--dest"] },
    SiteGenerator { program: "parcel", folder: "dist", options: &["--dist-dir"] },
    SiteGenerator { program: "astro", folder: "dist", options: &["--outDir"] },
    SiteGenerator { program: "webpack", folder: "dist", options: &["--output-path", "-o"] },
    SiteGenerator { program: "react-scripts", folder: "build", options: &[] },
    SiteGenerator { program: "docusaurus", folder: "build", options: &["--out-dir"] },
    SiteGenerator { program: "eleventy", folder: "_site", options: &["--output"] },
    SiteGenerator { program: "gatsby", folder: "public", options: &[] },
    SiteGenerator { program: "hexo", folder: "public", options: &[] },
];

/// Settings of Vite, in which `outDir` may name another folder.
const VITE_SETTINGS: [&str; 3] = ["vite.config.js", "vite.config.ts", "vite.config.mjs"];

const UNKNOWN_GENERATOR: &str = "package.json has a build script and no start script, and the script is not one of a \
                                 known site generator. If it makes pages, name their folder in a hearth.yaml: build: \
                                 {static: FOLDER}.";
const UNKNOWN_SVELTE_ADAPTER: &str = "SvelteKit makes a server with @sveltejs/adapter-node and pages with \
                                      @sveltejs/adapter-static: package.json has neither.";
const UNKNOWN_ANGULAR_FOLDER: &str = "Angular makes pages in a folder of its project: name it in a hearth.yaml, as in \
                                      build: {static: dist/PROJECT/browser}.";

/// Finds what the script `build` makes.
pub fn find_build_output(source: &dyn SourceTree, manifest: &NodeManifest) -> Result<BuildOutput> {
    let words = manifest.expand_script("build");
    let runs = |program: &str| words.iter().any(|word| is_program(word, program));
    if manifest.has_package("@sveltejs/kit") {
        return Ok(find_svelte_output(manifest));
    }
    if runs("nuxt") || runs("nuxi") {
        return Ok(match words.contains(&"generate") {
            true => create_site_output("Nuxt", ".output/public"),
            false => BuildOutput::Server {
                framework: "Nuxt",
                command: "PORT=${PORT:-8000} node .output/server/index.mjs",
            },
        });
    }
    if runs("astro") && manifest.has_package("@astrojs/node") {
        let command = "HOST=0.0.0.0 PORT=${PORT:-8000} node dist/server/entry.mjs";
        return Ok(BuildOutput::Server { framework: "Astro with @astrojs/node", command });
    }
    if runs("next") {
        return Ok(BuildOutput::Server {
            framework: "Next.js",
            command: "npx next start --port ${PORT:-8000}",
        });
    }
    if runs("ng") {
        return Ok(BuildOutput::Unknown(UNKNOWN_ANGULAR_FOLDER));
    }
    let Some(SiteGenerator { program, folder, options }) =
        SITE_GENERATORS.into_iter().find(|generator| runs(generator.program))
    else {
        return Ok(BuildOutput::Unknown(UNKNOWN_GENERATOR));
    };
    let mut written = find_option(&words, options);
    if written.is_none() && program == "vite" {
        written = read_vite_folder(source)?;
    }
    Ok(BuildOutput::Site { tool: program, folder: written.unwrap_or_else(|| SourcePath::from_known(folder)) })
}

fn create_site_output(tool: &'static str, folder: &'static str) -> BuildOutput {
    BuildOutput::Site { tool, folder: SourcePath::from_known(folder) }
}

fn find_svelte_output(manifest: &NodeManifest) -> BuildOutput {
    if manifest.has_package("@sveltejs/adapter-static") {
        return create_site_output("SvelteKit", "build");
    }
    if manifest.has_package("@sveltejs/adapter-node") {
        let command = "PORT=${PORT:-8000} node build";
        return BuildOutput::Server { framework: "SvelteKit with adapter-node", command };
    }
    BuildOutput::Unknown(UNKNOWN_SVELTE_ADAPTER)
}

/// True when a word of a script names a program, also by its path or package, as in `npx @11ty/eleventy`.
fn is_program(word: &str, program: &str) -> bool {
    word.rsplit('/').next() == Some(program)
}

/// Finds the folder that an option names, as in `--outDir build` or `--outDir=build`.
fn find_option(words: &[&str], options: &[&str]) -> Option<SourcePath> {
    words.iter().enumerate().find_map(|(at, word)| {
        let (option, value) = word.split_once('=').map_or((*word, None), |(name, value)| (name, Some(value)));
        let value = value.or_else(|| words.get(at + 1).copied());
        options.contains(&option).then_some(value).flatten().and_then(parse_folder)
    })
}

/// Reads `outDir: "FOLDER"` of Vite's settings.
fn read_vite_folder(source: &dyn SourceTree) -> Result<Option<SourcePath>> {
    for file in VITE_SETTINGS {
        let Some(text) = source.read(file)? else { continue };
        let written = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        let mut values = written.filter_map(|line| line.split_once("outDir:").map(|(_, value)| value.trim()));
        let quoted = values.find_map(|value| {
            let quote = value.chars().next().filter(|symbol| "'\"`".contains(*symbol))?;
            value[1..].split(quote).next()
        });
        return Ok(quoted.and_then(parse_folder));
    }
    Ok(None)
}

/// Parses a folder of the source. Leading `../` lead out of the folder `root` of the settings, which is in the top
/// folder.
fn parse_folder(text: &str) -> Option<SourcePath> {
    SourcePath::parse(text.trim_matches(['"', '\'']).trim_start_matches("../"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::InMemorySource;

    fn describe_output(scripts: &str, packages: &str, settings: &str) -> String {
        let text = format!("{{\"scripts\": {{{scripts}}}, \"devDependencies\": {{{packages}}}}}");
        let source = InMemorySource::new().with_file("vite.config.ts", settings);
        match find_build_output(&source, &serde_json::from_str(&text).unwrap()).unwrap() {
            BuildOutput::Site { tool, folder } => format!("{tool} in {folder}"),
            BuildOutput::Server { framework, .. } => framework.to_owned(),
            BuildOutput::Unknown(_) => "unknown".to_owned(),
        }
    }

    #[test]
    fn build_scripts_make_sites_and_servers() {
        for (scripts, packages, output) in [
            (r#""build": "vite build""#, "", "vite in dist"),
            (r#""build": "tsc -b && vite build --outDir=public/app""#, "", "vite in public/app"),
            (
                r#""build": "run-p type-check \"build-only {@}\" --", "build-only": "vite build""#,
                "",
                "vite in dist",
            ),
            (r#""build": "npm run build", "x": "vite""#, "", "unknown"),
            (r#""build": "npx @11ty/eleventy --output out""#, "", "eleventy in out"),
            (r#""build": "./node_modules/.bin/webpack -o ../../etc""#, "", "webpack in etc"),
            (r#""build": "vite build --outDir 'a;b'""#, "", "vite in dist"),
            (r#""build": "vite build""#, r#""@sveltejs/kit": "2""#, "unknown"),
            (
                r#""build": "vite build""#,
                r#""@sveltejs/kit": "2", "@sveltejs/adapter-static": "3""#,
                "SvelteKit in build",
            ),
            (r#""build": "nuxt generate""#, "", "Nuxt in .output/public"),
            (r#""build": "nuxt build""#, "", "Nuxt"),
            (r#""build": "astro build""#, r#""@astrojs/node": "9""#, "Astro with @astrojs/node"),
            (r#""build": "tsc""#, "", "unknown"),
        ] {
            assert_eq!(describe_output(scripts, packages, ""), output, "{scripts}");
        }
    }

    #[test]
    fn settings_of_vite_name_the_folder() {
        for (settings, output) in [
            ("export default { build: { outDir: 'docs' } }", "vite in docs"),
            ("  root: 'src',\n  build: {\n    outDir: \"../www\",\n", "vite in www"),
            ("  outDir: resolve(__dirname, 'x'),\n", "vite in dist"),
            ("  // outDir: 'docs'\n", "vite in dist"),
        ] {
            assert_eq!(describe_output(r#""build": "vite build""#, "", settings), output, "{settings}");
        }
    }
}
