//! skopeo and buildah against a running Hearth.

use std::{fs, path::Path};

use hearth_base::{Error, Result, Secret};
use hearth_testkit::{Hearth, TestImage, in_every_shape};
use hearth_wire::reply::Paging;
use tempfile::TempDir;
use tokio::process::Command;

use super::create_owner;

/// Runs a program and returns its standard output; the error has its standard error.
pub async fn run_program(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().await.map_err(Error::internal)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(Error::internal(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr))))
}

/// Builds the name of an image of a Hearth for skopeo.
pub fn build_image_url(hearth: &Hearth, path: &str) -> String {
    format!("docker://{}/{path}", hearth.url().trim_start_matches("http://"))
}

/// Creates an OCI layout with a small image of one layer. Returns its name for skopeo.
async fn create_layout(folder: &Path) -> Result<String> {
    let rootfs = folder.join("rootfs");
    fs::create_dir(&rootfs).map_err(Error::internal)?;
    fs::write(rootfs.join("hello"), "x".repeat(3_000_000)).map_err(Error::internal)?;
    let path = |name: &str| folder.join(name).display().to_string();
    run_program("tar", &["-C", &path("rootfs"), "-cf", &path("layer.tar"), "."]).await?;
    // skopeo converts a Docker archive to an OCI layout.
    let manifest = r#"[{"Config": "config.json", "RepoTags": ["x:y"], "Layers": ["layer.tar"]}]"#;
    fs::write(folder.join("manifest.json"), manifest).map_err(Error::internal)?;
    let sum = run_program("sha256sum", &[&path("layer.tar")]).await?;
    let sum = sum.split(' ').next().unwrap_or_default().to_owned();
    let config = format!(
        r#"{{"architecture": "amd64", "os": "linux", "config": {{"Cmd": ["/hello"]}},
            "rootfs": {{"type": "layers", "diff_ids": ["sha256:{sum}"]}}}}"#
    );
    fs::write(folder.join("config.json"), config).map_err(Error::internal)?;
    let archive = path("image.tar");
    run_program("tar", &["-C", &path("."), "-cf", &archive, "manifest.json", "config.json", "layer.tar"])
        .await?;
    let layout = format!("oci:{}:x", path("layout"));
    run_program("skopeo", &["copy", "-q", &format!("docker-archive:{archive}"), &layout]).await?;
    Ok(layout)
}

/// Reads the digest of an image with skopeo.
pub async fn inspect_digest(image: &str, more: &[&str]) -> Result<String> {
    let arguments = [&["inspect", "--format", "{{.Digest}}"], more, &[image]].concat();
    run_program("skopeo", &arguments).await
}

async fn skopeo_pulls_the_bytes_that_it_pushed(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (_, token) = create_owner(&hearth, &operator, "hello").await?;
    let folder = TempDir::new().map_err(Error::internal)?;
    let layout = create_layout(folder.path()).await?;
    let image = build_image_url(&hearth, "tool-hello/web:v1");
    let credentials = format!("anybody:{}", token.expose_secret());
    let push = ["copy", "-q", "--dest-tls-verify=false", "--dest-creds", &credentials, &layout, &image];
    run_program("skopeo", &push).await?;

    let seen = inspect_digest(&image, &["--tls-verify=false", "--creds", &credentials]).await?;
    assert_eq!(seen, inspect_digest(&layout, &[]).await?);
    let back = format!("oci:{}:x", folder.path().join("back").display());
    run_program(
        "skopeo",
        &["copy", "-q", "--src-tls-verify=false", "--src-creds", &credentials, &image, &back],
    )
    .await?;
    assert_eq!(inspect_digest(&back, &[]).await?, seen);

    // Copy by digest into a second repository of the tool, then delete that.
    let second = build_image_url(&hearth, "tool-hello/second:v2");
    let both = ["copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false"];
    let creds = ["--src-creds", credentials.as_str(), "--dest-creds", credentials.as_str()];
    let by_digest = build_image_url(&hearth, &format!("tool-hello/web@{seen}"));
    run_program("skopeo", &[&both[..], &creds[..], &[by_digest.as_str(), second.as_str()]].concat()).await?;
    run_program("skopeo", &["delete", "--tls-verify=false", "--creds", &credentials, &second]).await?;
    assert!(inspect_digest(&second, &["--tls-verify=false", "--creds", &credentials]).await.is_err());
    assert_eq!(inspect_digest(&image, &["--tls-verify=false", "--creds", &credentials]).await?, seen);
    Ok(())
}

async fn clients_cannot_read_images_of_other_tools(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, token) = create_owner(&hearth, &operator, "hello").await?;
    let (_, other) = create_owner(&hearth, &operator, "other").await?;
    TestImage::from_busybox(&[])?.push(&owner, "tool-hello/web", "latest").await?;
    let image = build_image_url(&hearth, "tool-hello/web:latest");
    let with = async |secret: &Secret| {
        let credentials = format!("x:{}", secret.expose_secret());
        inspect_digest(&image, &["--tls-verify=false", "--creds", &credentials]).await
    };
    assert!(with(&token).await.is_ok());
    let wrong = with(&Secret::new("hearth_token_wrong")).await.unwrap_err();
    assert!(format!("{:?}", wrong.cause()).contains("unauthorized"), "{wrong:?}");
    let others = with(&other).await.unwrap_err();
    assert!(format!("{:?}", others.cause()).contains("denied"), "{others:?}");
    assert!(inspect_digest(&image, &["--tls-verify=false", "--no-creds"]).await.is_err());

    // Every user can pull provided images; only operators can push them.
    let image = TestImage::from_busybox(&[("motd", "provided")])?;
    assert!(image.push(&owner, "hearth/bookworm", "latest").await.is_err());
    image.push(&operator.client, "hearth/bookworm", "latest").await?;
    let provided = build_image_url(&hearth, "hearth/bookworm:latest");
    let credentials = format!("x:{}", other.expose_secret());
    assert!(inspect_digest(&provided, &["--tls-verify=false", "--creds", &credentials]).await.is_ok());
    Ok(())
}

async fn buildah_pushes_an_image_based_on_a_provided_one(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, token) = create_owner(&hearth, &operator, "hello").await?;
    let base = TestImage::from_busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    let folder = TempDir::new().map_err(Error::internal)?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (root, run_root, auth) = (path("root"), path("run"), path("auth.json"));
    let storage = ["--root", &root, "--runroot", &run_root, "--storage-driver", "vfs"];
    let host = hearth.url().trim_start_matches("http://");
    let buildah =
        async |arguments: &[&str]| run_program("buildah", &[&storage[..], arguments].concat()).await;
    let secret = token.expose_secret();
    let login = ["login", "--tls-verify=false", "--authfile", &auth, "-u", "x", "-p", secret, host];
    buildah(&login).await?;
    let from = format!("{host}/hearth/bookworm:latest");
    let name = buildah(&["from", "--tls-verify=false", "--authfile", &auth, "--quiet", &from]).await?;
    buildah(&["config", "--label", "made=here", &name]).await?;
    let made = format!("{host}/tool-hello/made:v1");
    buildah(&["commit", "--quiet", "--format", "oci", &name, &made]).await?;
    let image = format!("docker://{made}");
    buildah(&["push", "--quiet", "--tls-verify=false", "--authfile", &auth, &made, &image]).await?;

    let images = owner.images().list(&"hello".parse()?, &Paging::default()).await?;
    assert_eq!(
        images.items.iter().map(|image| image.image.as_str()).collect::<Vec<_>>(),
        ["tool-hello/made"]
    );
    let credentials = format!("x:{secret}");
    let made = inspect_digest(&image, &["--tls-verify=false", "--creds", &credentials]).await?;
    assert_ne!(made, base.to_string());
    Ok(())
}

async fn image_is_copied_from_the_configured_source(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, token) = create_owner(&hearth, &operator, "hello").await?;
    TestImage::from_busybox(&[("motd", "from elsewhere")])?.push(&owner, "tool-hello/web", "v1").await?;
    let folder = TempDir::new().map_err(Error::internal)?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let host = hearth.url().trim_start_matches("http://");
    // skopeo reads the registry settings in the home folder.
    let (settings, auth) = (folder.path().join(".config/containers"), path("auth.json"));
    let lines = format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n");
    fs::create_dir_all(&settings).map_err(Error::internal)?;
    fs::write(settings.join("registries.conf"), lines).map_err(Error::internal)?;
    let login =
        ["login", "--tls-verify=false", "--authfile", &auth, "-u", "x", "-p", token.expose_secret(), host];
    run_program("skopeo", &login).await?;
    let bootstrap = |source: &str| {
        let mut command = hearth.hearthd_command(&["image", "bootstrap", "copied"])?;
        command.env("HOME", folder.path()).env("REGISTRY_AUTH_FILE", &auth);
        command.env("HEARTH_IMAGES__SOURCES__COPIED", source).output().map_err(Error::internal)
    };

    let none = bootstrap(&format!("{host}/tool-hello/none:v1"))?;
    let output = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(!none.status.success() && output.contains("skopeo failed"), "{output}");
    let option = bootstrap("--help")?;
    assert!(String::from_utf8_lossy(&option.stderr).contains("HEARTH_IMAGES__SOURCES__COPIED"), "{option:?}");

    let source = format!("{host}/tool-hello/web:v1");
    let copied = bootstrap(&source)?;
    let output = String::from_utf8_lossy(&copied.stdout).into_owned();
    assert!(copied.status.success() && output.contains("hearth/copied sha256:"), "{copied:?}");
    let repeated = bootstrap(&source)?;
    assert!(String::from_utf8_lossy(&repeated.stdout).contains("All images exist."), "{repeated:?}");
    let credentials = format!("x:{}", token.expose_secret());
    let config = async |path: &str| {
        let image = build_image_url(&hearth, path);
        run_program("skopeo", &["inspect", "--config", "--tls-verify=false", "--creds", &credentials, &image])
            .await
    };
    // Layers may be recompressed, so only the configurations are compared.
    assert_eq!(config("hearth/copied:latest").await?, config("tool-hello/web:v1").await?);
    Ok(())
}

in_every_shape!(
    skopeo_pulls_the_bytes_that_it_pushed,
    clients_cannot_read_images_of_other_tools,
    buildah_pushes_an_image_based_on_a_provided_one,
    image_is_copied_from_the_configured_source,
);
