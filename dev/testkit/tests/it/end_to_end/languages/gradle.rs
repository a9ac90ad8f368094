//! A tool that Gradle builds. Its wrapper fetches Gradle from a server of the operator's own.

use std::fs;

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, HearthShape, PackageIndex};

use super::{
    super::{Visitor, images::provide_images, write_files},
    downloads_folder,
};

const BUILD_SETTINGS: &str = "plugins {\n    id 'application'\n}\n\nrepositories {\n    mavenCentral()\n}\n\ndependencies {\n    \
     compile 'org.slf4j:slf4j-simple:2.0.16'\n}\n\nsourceCompatibility = '17'\nmainClassName = 'Main'\n";
const MAIN_CLASS: &str = "import com.sun.net.httpserver.HttpServer;\nimport java.net.InetSocketAddress;\n\
     import org.slf4j.LoggerFactory;\n\npublic class Main {\n    public static void main(String[] arguments) throws Exception {\n        \
     int port = Integer.parseInt(System.getenv(\"PORT\"));\n        \
     HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);\n        \
     server.createContext(\"/\", exchange -> {\n            byte[] page = \"hello from Gradle\".getBytes();\n            \
     exchange.sendResponseHeaders(200, page.length);\n            exchange.getResponseBody().write(page);\n            \
     exchange.close();\n        });\n        server.start();\n        \
     LoggerFactory.getLogger(\"pond\").info(\"listening on port {}\", port);\n    }\n}\n";
/// The option is for Gradle 4, which is older than Java 21.
const WRAPPER_SCRIPT: &str = "#!/bin/sh\nexec java --add-opens java.base/java.lang=ALL-UNNAMED -classpath \
     gradle/wrapper/gradle-wrapper.jar org.gradle.wrapper.GradleWrapperMain \"$@\"\n";
/// Debian's Gradle reads the libraries that it needs from its package, whichever distribution the wrapper fetched.
const GRADLE_PACKAGE: &str = "gradle\n";

#[tokio::test]
async fn gradle_is_fetched_by_the_wrapper_of_the_source() -> Result<()> {
    let downloads = downloads_folder("gradle");
    let gradle = PackageIndex::start_gradle_distribution(&downloads, "trixie").await?;
    let config = format!("[outbound]\nallow = [\"{}\"]", gradle.address());
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &config).await?;
    provide_images(&hearth, &["builder", "java21", "java21-slim"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;

    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let wrapper = format!(
        "distributionBase=GRADLE_USER_HOME\ndistributionPath=wrapper/dists\nzipStoreBase=GRADLE_USER_HOME\n\
         zipStorePath=wrapper/dists\ndistributionUrl=http\\://{}/gradle-bin.zip\n",
        gradle.address()
    );
    let files = [
        ("Aptfile", GRADLE_PACKAGE),
        ("build.gradle", BUILD_SETTINGS),
        ("settings.gradle", "rootProject.name = 'pond'\n"),
        ("src/main/java/Main.java", MAIN_CLASS),
        ("gradlew", WRAPPER_SCRIPT),
        ("gradle/wrapper/gradle-wrapper.properties", &wrapper),
    ];
    write_files(folder.path(), &files)?;
    cli.run_successfully(&["new", "gradle-ada"]).await?;
    let deploy = async || cli.run_in_folder(folder.path(), &["deploy", "--tool", "gradle-ada"]).await;
    let refused = deploy().await?;
    let expected = ["gradle/wrapper/gradle-wrapper.jar is missing", "run gradle wrapper"];
    assert!(expected.iter().all(|text| refused.err.contains(text)), "{refused:?}");

    let jar = folder.path().join("gradle/wrapper/gradle-wrapper.jar");
    fs::copy(downloads.join("gradle-wrapper.jar"), jar).map_err(Error::internal)?;
    let deployed = deploy().await?;
    assert_eq!(deployed.status, Some(0), "{deployed:?}");
    assert!(gradle.read_requests()?.contains("/gradle-bin.zip"));
    let (_, page) = Visitor::for_url(hearth.url())?.visit_page("gradle-ada").await?;
    assert_eq!(page, "hello from Gradle");
    hearth.stop().await
}
