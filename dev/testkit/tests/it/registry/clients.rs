//! skopeo and buildah against a running Hearth.

use std::{fs, path::Path};

use hearth_base::{Error, Result, Secret};
use hearth_testkit::{Hearth, Image, in_every_shape};
use hearth_wire::reply::Paging;
use tempfile::TempDir;
use tokio::process::Command;

use super::owner_of;

/// Runs a program; its standard output, or what it says of its failure.
async fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().await.map_err(Error::internal)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(Error::internal(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr))))
}

fn place_of(hearth: &Hearth, path: &str) -> String {
    format!("docker://{}/{path}", hearth.url().trim_start_matches("http://"))
}

/// An OCI layout with a small image of two layers, one of them compressed.
async fn layout(folder: &Path) -> Result<String> {
    let rootfs = folder.join("rootfs");
    fs::create_dir(&rootfs).map_err(Error::internal)?;
    fs::write(rootfs.join("hello"), "x".repeat(3_000_000)).map_err(Error::internal)?;
    let place = |name: &str| folder.join(name).display().to_string();
    run("tar", &["-C", &place("rootfs"), "-cf", &place("layer.tar"), "."]).await?;
    // skopeo makes a layout of a plain archive of layers.
    let manifest = r#"[{"Config": "config.json", "RepoTags": ["x:y"], "Layers": ["layer.tar"]}]"#;
    fs::write(folder.join("manifest.json"), manifest).map_err(Error::internal)?;
    let sum = run("sha256sum", &[&place("layer.tar")]).await?;
    let sum = sum.split(' ').next().unwrap_or_default().to_owned();
    let config = format!(
        r#"{{"architecture": "amd64", "os": "linux", "config": {{"Cmd": ["/hello"]}},
            "rootfs": {{"type": "layers", "diff_ids": ["sha256:{sum}"]}}}}"#
    );
    fs::write(folder.join("config.json"), config).map_err(Error::internal)?;
    let archive = place("image.tar");
    run("tar", &["-C", &place("."), "-cf", &archive, "manifest.json", "config.json", "layer.tar"]).await?;
    let layout = format!("oci:{}:x", place("layout"));
    run("skopeo", &["copy", "-q", &format!("docker-archive:{archive}"), &layout]).await?;
    Ok(layout)
}

async fn digest(image: &str, more: &[&str]) -> Result<String> {
    let arguments = [&["inspect", "--format", "{{.Digest}}"], more, &[image]].concat();
    run("skopeo", &arguments).await
}

async fn what_skopeo_pushes_it_gets_back_to_the_byte(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (_, token) = owner_of(&hearth, &operator, "hello").await?;
    let folder = TempDir::new().map_err(Error::internal)?;
    let layout = layout(folder.path()).await?;
    let there = place_of(&hearth, "tool-hello/web:v1");
    let shown = format!("anybody:{}", token.reveal());
    let push = ["copy", "-q", "--dest-tls-verify=false", "--dest-creds", &shown, &layout, &there];
    run("skopeo", &push).await?;

    let seen = digest(&there, &["--tls-verify=false", "--creds", &shown]).await?;
    assert_eq!(seen, digest(&layout, &[]).await?);
    let back = format!("oci:{}:x", folder.path().join("back").display());
    run("skopeo", &["copy", "-q", "--src-tls-verify=false", "--src-creds", &shown, &there, &back]).await?;
    assert_eq!(digest(&back, &[]).await?, seen);

    // Into a second repository of the tool, and by digest; then gone.
    let second = place_of(&hearth, "tool-hello/second:v2");
    let both = ["copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false"];
    let creds = ["--src-creds", shown.as_str(), "--dest-creds", shown.as_str()];
    let by_digest = place_of(&hearth, &format!("tool-hello/web@{seen}"));
    run("skopeo", &[&both[..], &creds[..], &[by_digest.as_str(), second.as_str()]].concat()).await?;
    run("skopeo", &["delete", "--tls-verify=false", "--creds", &shown, &second]).await?;
    assert!(digest(&second, &["--tls-verify=false", "--creds", &shown]).await.is_err());
    assert_eq!(digest(&there, &["--tls-verify=false", "--creds", &shown]).await?, seen);
    Ok(())
}

async fn clients_get_at_nothing_that_is_not_theirs(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, token) = owner_of(&hearth, &operator, "hello").await?;
    let (_, other) = owner_of(&hearth, &operator, "other").await?;
    Image::busybox(&[])?.push(&owner, "tool-hello/web", "latest").await?;
    let there = place_of(&hearth, "tool-hello/web:latest");
    let with = async |secret: &Secret| {
        let shown = format!("x:{}", secret.reveal());
        digest(&there, &["--tls-verify=false", "--creds", &shown]).await
    };
    assert!(with(&token).await.is_ok());
    let wrong = with(&Secret::new("hearth_token_wrong")).await.unwrap_err();
    assert!(format!("{:?}", wrong.cause()).contains("unauthorized"), "{wrong:?}");
    let others = with(&other).await.unwrap_err();
    assert!(format!("{:?}", others.cause()).contains("denied"), "{others:?}");
    assert!(digest(&there, &["--tls-verify=false", "--no-creds"]).await.is_err());

    // Whatever is provided is everybody's to pull, and the operators' to push.
    let image = Image::busybox(&[("motd", "provided")])?;
    assert!(image.push(&owner, "hearth/bookworm", "latest").await.is_err());
    image.push(&operator.client, "hearth/bookworm", "latest").await?;
    let provided = place_of(&hearth, "hearth/bookworm:latest");
    let shown = format!("x:{}", other.reveal());
    assert!(digest(&provided, &["--tls-verify=false", "--creds", &shown]).await.is_ok());
    Ok(())
}

async fn buildah_pushes_what_it_made_of_a_provided_image(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, token) = owner_of(&hearth, &operator, "hello").await?;
    let base = Image::busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    let folder = TempDir::new().map_err(Error::internal)?;
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (root, run_root, auth) = (place("root"), place("run"), place("auth.json"));
    let storage = ["--root", &root, "--runroot", &run_root, "--storage-driver", "vfs"];
    let host = hearth.url().trim_start_matches("http://");
    let buildah = async |arguments: &[&str]| run("buildah", &[&storage[..], arguments].concat()).await;
    let secret = token.reveal();
    let login = ["login", "--tls-verify=false", "--authfile", &auth, "-u", "x", "-p", secret, host];
    buildah(&login).await?;
    let from = format!("{host}/hearth/bookworm:latest");
    let name = buildah(&["from", "--tls-verify=false", "--authfile", &auth, "--quiet", &from]).await?;
    buildah(&["config", "--label", "made=here", &name]).await?;
    let made = format!("{host}/tool-hello/made:v1");
    buildah(&["commit", "--quiet", "--format", "oci", &name, &made]).await?;
    let there = format!("docker://{made}");
    buildah(&["push", "--quiet", "--tls-verify=false", "--authfile", &auth, &made, &there]).await?;

    let images = owner.images().list(&"hello".parse()?, &Paging::default()).await?;
    assert_eq!(
        images.items.iter().map(|image| image.image.as_str()).collect::<Vec<_>>(),
        ["tool-hello/made"]
    );
    let shown = format!("x:{secret}");
    let made = digest(&there, &["--tls-verify=false", "--creds", &shown]).await?;
    assert_ne!(made, base.to_string());
    Ok(())
}

async fn an_image_is_copied_from_where_the_operator_says(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (owner, token) = owner_of(&hearth, &operator, "hello").await?;
    Image::busybox(&[("motd", "from elsewhere")])?.push(&owner, "tool-hello/web", "v1").await?;
    let folder = TempDir::new().map_err(Error::internal)?;
    let place = |name: &str| folder.path().join(name).display().to_string();
    let host = hearth.url().trim_start_matches("http://");
    // What the machine has set up for registries is skopeo's to read.
    let (settings, auth) = (folder.path().join(".config/containers"), place("auth.json"));
    let lines = format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n");
    fs::create_dir_all(&settings).map_err(Error::internal)?;
    fs::write(settings.join("registries.conf"), lines).map_err(Error::internal)?;
    let login = ["login", "--tls-verify=false", "--authfile", &auth, "-u", "x", "-p", token.reveal(), host];
    run("skopeo", &login).await?;
    let bootstrap = |source: &str| {
        let mut command = hearth.operates(&["image", "bootstrap", "copied"])?;
        command.env("HOME", folder.path()).env("REGISTRY_AUTH_FILE", &auth);
        command.env("HEARTH_IMAGES__SOURCES__COPIED", source).output().map_err(Error::internal)
    };

    let none = bootstrap(&format!("{host}/tool-hello/none:v1"))?;
    let said = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(!none.status.success() && said.contains("skopeo did not succeed"), "{said}");
    let option = bootstrap("--help")?;
    assert!(String::from_utf8_lossy(&option.stderr).contains("HEARTH_IMAGES__SOURCES__COPIED"), "{option:?}");

    let source = format!("{host}/tool-hello/web:v1");
    let copied = bootstrap(&source)?;
    let said = String::from_utf8_lossy(&copied.stdout).into_owned();
    assert!(copied.status.success() && said.contains("hearth/copied sha256:"), "{copied:?}");
    let again = bootstrap(&source)?;
    assert!(String::from_utf8_lossy(&again.stdout).contains("All images are there."), "{again:?}");
    let shown = format!("x:{}", token.reveal());
    let config = async |path: &str| {
        let image = place_of(&hearth, path);
        run("skopeo", &["inspect", "--config", "--tls-verify=false", "--creds", &shown, &image]).await
    };
    // Layers may be compressed on the way; what they hold is the same.
    assert_eq!(config("hearth/copied:latest").await?, config("tool-hello/web:v1").await?);
    Ok(())
}

in_every_shape!(
    what_skopeo_pushes_it_gets_back_to_the_byte,
    clients_get_at_nothing_that_is_not_theirs,
    buildah_pushes_what_it_made_of_a_provided_image,
    an_image_is_copied_from_where_the_operator_says,
);
