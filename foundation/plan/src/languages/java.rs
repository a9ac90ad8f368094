//! Java: Maven by `pom.xml`, Gradle by its wrapper.

use hearth_base::{Error, Result};

use super::DetectionContext;
use crate::{
    plan::{BuildRecipe, DetectedSource, SourceKind, StartCommand},
    recipe::{BuildStage, RecipeStep, StageName},
    source::SourceTree,
    source_path::SourcePath,
    versions::{VersionNotation, VersionRequest, VersionedImage, choose_image},
};

/// Images with a JDK and Maven. The first is the default.
const JDK_IMAGES: &[VersionedImage] = &[
    VersionedImage { number: 21, version: "21", image: "java21" },
    VersionedImage { number: 25, version: "25", image: "java25" },
];
/// Images in which programs run, by those with the JDK.
const RUNTIME_IMAGES: [(&str, &str); 2] = [("java21", "java21-slim"), ("java25", "java25-slim")];

/// Java has a list of certificates of its own: it gets those of builds, in which an operator's may be.
const CERTIFICATES_COMMAND: &str = "mkdir /tmp/certificates && awk '/BEGIN CERTIFICATE/ { file = \"/tmp/certificates/\" \
     ++count \".pem\" } file { print > file }' /etc/ssl/certs/ca-certificates.crt && ls /tmp/certificates/* | \
     sed 's/^/+/' | java -jar /usr/share/ca-certificates-java/ca-certificates-java.jar -storepass changeit >/dev/null && \
     rm -r /tmp/certificates";

/// Maven and Gradle do not read the variables of proxies. Java uses no proxy for addresses of this machine, which a build
/// reaches only by its proxy.
const PROXY_COMMAND: &str = "if [ -n \"${https_proxy:-}\" ]; then address=${https_proxy#*://}; \
     address=${address##*@}; address=${address%%/*}; host=${address%:*}; port=${address##*:}; \
     mkdir -p \"$HOME/.m2\" \"$HOME/.gradle\" && { echo '<settings><proxies>'; for protocol in http https; do echo \
     \"<proxy><id>$protocol</id><protocol>$protocol</protocol><host>$host</host><port>$port</port></proxy>\"; printf \
     'systemProp.%s.proxyHost=%s\\nsystemProp.%s.proxyPort=%s\\n' $protocol $host $protocol $port >> \
     \"$HOME/.gradle/gradle.properties\"; done; \
     echo systemProp.http.nonProxyHosts= >> \"$HOME/.gradle/gradle.properties\"; \
     echo '</proxies></settings>'; } > \"$HOME/.m2/settings.xml\"; fi";

/// Downloads most of what a build needs before the source is copied; what is missing is downloaded by the build.
const DOWNLOAD_COMMAND: &str = "mvn --batch-mode --no-transfer-progress --quiet dependency:go-offline || :";
const PACKAGE_COMMAND: &str = "mvn --batch-mode --no-transfer-progress -DskipTests package";
const PACKAGE_WITH_DEPENDENCIES_COMMAND: &str = "mvn --batch-mode --no-transfer-progress -DskipTests package \
     dependency:copy-dependencies -DincludeScope=runtime";
const GRADLE_JAR_COMMAND: &str = "sh ./gradlew --no-daemon --console=plain assemble";
const GRADLE_INSTALL_COMMAND: &str = "sh ./gradlew --no-daemon --console=plain installDist";

/// Finds the archive that can be started. There has to be exactly one: others belong to modules, or are for developers.
const COLLECT_JAR_COMMAND: &str = "found=; for file in target/*.[jw]ar */target/*.[jw]ar build/libs/*.[jw]ar \
     */build/libs/*.[jw]ar; do case $file in *'*'*|*-sources.jar|*-javadoc.jar|*-tests.jar|*-plain.jar|*/original-*) \
     continue;; esac; if (cd \"$(mktemp -d)\" && jar --extract --file=\"$OLDPWD/$file\" META-INF/MANIFEST.MF && \
     grep -q '^Main-Class:' META-INF/MANIFEST.MF); then found=\"$found $file\"; fi; done; set -- $found; \
     if [ $# -eq 1 ]; then cp \"$1\" application.jar; elif [ $# -eq 0 ]; then echo 'No jar has a Main-Class: configure \
     the main class of the jar, or write the start command into a Procfile, as in web: java -cp target/classes MAIN' \
     >&2; exit 1; else echo \"Several jars can be started:$found. Name one in a Procfile, as in web: java -jar $1\" \
     >&2; exit 1; fi";
const APPLICATION_JAR: SourcePath = SourcePath::from_known("application.jar");
const JAR_START_COMMAND: &str =
    "exec java -XX:MaxRAMPercentage=70 -Dserver.port=${PORT:-8080} -jar application.jar";

/// Gives the installed distribution a fixed name, with a link to its start script.
const COLLECT_DISTRIBUTION_COMMAND: &str = "set -- build/install/* */build/install/*; for folder in \"$@\"; do \
     if [ -d \"$folder/bin\" ]; then mv \"$folder\" application; break; fi; done; cd application/bin && \
     for script in *; do case $script in *.bat) ;; *) ln -s \"$script\" start; break;; esac; done";
const DISTRIBUTION_FOLDER: SourcePath = SourcePath::from_known("application");
const DISTRIBUTION_START_COMMAND: &str =
    "JAVA_OPTS=\"-XX:MaxRAMPercentage=70 $JAVA_OPTS\" exec application/bin/start";

/// Plugins of Maven that make a jar with everything it needs.
const WHOLE_JAR_PLUGINS: [&str; 4] =
    ["spring-boot-maven-plugin", "maven-shade-plugin", "maven-assembly-plugin", "quarkus-maven-plugin"];

const CLASS_PATH_SUGGESTION: &str = "web: java -cp 'target/classes:target/dependency/*' MAIN.CLASS";

/// A build of Java, before its image is chosen.
struct JavaBuild {
    steps: Vec<RecipeStep>,
    /// Step that gives the result a fixed name, and the result.
    result: Option<(&'static str, SourcePath)>,
    start: StartCommand,
    version: Option<VersionRequest>,
}

/// Detects Java by `pom.xml` or `build.gradle`; `None` without them. Error `gradle-wrapper` (invalid).
pub fn detect_java(source: &dyn SourceTree, context: DetectionContext<'_>) -> Result<Option<DetectedSource>> {
    let mut reasons = Vec::new();
    let build = match plan_maven(source, &mut reasons)? {
        Some(build) => build,
        None => match plan_gradle(source, &mut reasons)? {
            Some(build) => build,
            None => return Ok(None),
        },
    };
    let JavaBuild { mut steps, result, start, version } = build;
    let request = find_version_request(source)?.or(version);
    let image = choose_image(JDK_IMAGES, VersionNotation::Java, "Java", request.as_ref(), &mut reasons);
    // Declared processes may start anything that the build made.
    let result = result.filter(|_| !context.has_processes());
    let mut files = RecipeStep::CopyBuilt(StageName::Build, None);
    if let Some((collect, path)) = result {
        steps.push(RecipeStep::Run(collect));
        reasons.push(format!("The image gets {path} and a Java runtime, and nothing else of the build."));
        files = RecipeStep::CopyBuilt(StageName::Build, Some(path));
    }
    let runtime =
        RUNTIME_IMAGES.iter().find(|(jdk, _)| *jdk == image.image).map_or(image.image, |(_, slim)| slim);
    let stage = BuildStage { name: StageName::Build, base: image.image, steps };
    let recipe = BuildRecipe::Steps { base: runtime, steps: vec![files], stages: vec![stage] };
    Ok(Some(DetectedSource { kind: SourceKind::Java, recipe, reasons, start }))
}

fn plan_maven(source: &dyn SourceTree, reasons: &mut Vec<String>) -> Result<Option<JavaBuild>> {
    let Some(text) = source.read("pom.xml")? else { return Ok(None) };
    reasons.push(
        "pom.xml: Java; Maven of the image builds it in a stage of its own, without its tests.".to_owned(),
    );
    let mut steps = vec![RecipeStep::Run(CERTIFICATES_COMMAND), RecipeStep::Run(PROXY_COMMAND)];
    if !text.contains("<modules>") && !text.contains("<relativePath>") {
        steps.extend([RecipeStep::Copy(None, vec!["pom.xml"]), RecipeStep::Run(DOWNLOAD_COMMAND)]);
    }
    steps.push(RecipeStep::CopyAll);
    let version = [
        "maven.compiler.release",
        "java.version",
        "maven.compiler.target",
        "maven.compiler.source",
        "release",
    ]
    .iter()
    .find_map(|element| find_element(&text, element))
    .and_then(|text| VersionRequest::new("pom.xml", text));
    let plugin = WHOLE_JAR_PLUGINS.iter().find(|plugin| text.contains(*plugin));
    Ok(Some(match plugin {
        Some(plugin) => {
            steps.push(RecipeStep::Run(PACKAGE_COMMAND));
            let start = StartCommand::Guessed {
                command: JAR_START_COMMAND.to_owned(),
                reason: format!("pom.xml: {plugin}"),
            };
            JavaBuild { steps, result: Some((COLLECT_JAR_COMMAND, APPLICATION_JAR)), start, version }
        }
        None => {
            reasons.push(
                "pom.xml has no plugin that makes a jar with everything in it (spring-boot-maven-plugin, \
                 maven-shade-plugin): the libraries are in target/dependency/."
                    .to_owned(),
            );
            steps.push(RecipeStep::Run(PACKAGE_WITH_DEPENDENCIES_COMMAND));
            let start = StartCommand::Unknown(Some(CLASS_PATH_SUGGESTION.to_owned()));
            JavaBuild { steps, result: None, start, version }
        }
    }))
}

fn plan_gradle(source: &dyn SourceTree, reasons: &mut Vec<String>) -> Result<Option<JavaBuild>> {
    let mut text = String::new();
    for file in ["build.gradle", "build.gradle.kts"] {
        text.push_str(&source.read(file)?.unwrap_or_default());
    }
    let mut is_gradle = !text.is_empty();
    for file in ["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"] {
        is_gradle |= source.has_file(file)?;
    }
    if !is_gradle {
        return Ok(None);
    }
    for file in ["gradlew", "gradle/wrapper/gradle-wrapper.jar"] {
        if !source.has_file(file)? {
            return Err(Error::invalid(
                "gradle-wrapper",
                format!("Gradle builds the source by its wrapper, and {file} is missing"),
            )
            .help("run gradle wrapper, and commit gradlew and gradle/wrapper; .gitignore must not leave out *.jar there"));
        }
    }
    reasons.push(
        "build.gradle: Java; the source's wrapper fetches its Gradle and builds it in a stage of its own, without its \
         tests."
            .to_owned(),
    );
    let version = find_gradle_version(&text);
    let mut steps =
        vec![RecipeStep::Run(CERTIFICATES_COMMAND), RecipeStep::Run(PROXY_COMMAND), RecipeStep::CopyAll];
    let has_plugin = |name: &str| {
        [format!("'{name}'"), format!("\"{name}\"")].iter().any(|quoted| text.contains(quoted.as_str()))
    };
    let guess = |command: &str, reason: &str| StartCommand::Guessed {
        command: command.to_owned(),
        reason: reason.to_owned(),
    };
    let is_application = has_plugin("application") || text.lines().any(|line| line.trim() == "application");
    Ok(Some(if !has_plugin("org.springframework.boot") && is_application {
        steps.push(RecipeStep::Run(GRADLE_INSTALL_COMMAND));
        let result = Some((COLLECT_DISTRIBUTION_COMMAND, DISTRIBUTION_FOLDER));
        let start = guess(DISTRIBUTION_START_COMMAND, "build.gradle: plugin application");
        JavaBuild { steps, result, start, version }
    } else {
        steps.push(RecipeStep::Run(GRADLE_JAR_COMMAND));
        let result = Some((COLLECT_JAR_COMMAND, APPLICATION_JAR));
        JavaBuild { steps, result, start: guess(JAR_START_COMMAND, "the jar that Gradle makes"), version }
    }))
}

/// Finds the text of the first element of a name, without properties in it.
fn find_element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once('<')?;
    let value = value.trim();
    value.starts_with(|first: char| first.is_ascii_digit()).then_some(value)
}

/// Finds the version of `JavaLanguageVersion.of(21)`, `JavaVersion.VERSION_21` or `sourceCompatibility = '21'`.
fn find_gradle_version(text: &str) -> Option<VersionRequest> {
    let signs =
        ["JavaLanguageVersion.of(", "JavaVersion.VERSION_", "sourceCompatibility = ", "jvmToolchain("];
    let rest = signs.iter().find_map(|sign| text.split_once(sign))?.1;
    let rest = rest.trim_start_matches(['\'', '"']).replace('_', ".");
    let end = rest.find(|symbol: char| !symbol.is_ascii_digit() && symbol != '.').unwrap_or(rest.len());
    VersionRequest::new("build.gradle", &rest[..end])
}

fn find_version_request(source: &dyn SourceTree) -> Result<Option<VersionRequest>> {
    if let Some(text) = source.read(".java-version")?
        && let Some(request) = VersionRequest::new(".java-version", &text)
    {
        return Ok(Some(request));
    }
    let text = source.read("system.properties")?.unwrap_or_default();
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    let version = pairs.find(|(name, _)| name.trim() == "java.runtime.version").map(|(_, version)| version);
    Ok(version.and_then(|version| VersionRequest::new("system.properties", version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_found_in_the_files_of_the_build_tools() {
        assert_eq!(find_element("<a><release> 17 </release></a>", "release"), Some("17"));
        assert_eq!(find_element("<release>${java.version}</release>", "release"), None);
        for (text, version) in [
            ("java { toolchain { languageVersion = JavaLanguageVersion.of(25) } }", Some("25")),
            ("sourceCompatibility = JavaVersion.VERSION_1_8\n", Some("1.8")),
            ("sourceCompatibility = '17'\n", Some("17")),
            ("plugins {}", None),
        ] {
            assert_eq!(find_gradle_version(text).map(|request| request.text).as_deref(), version, "{text}");
        }
    }
}
