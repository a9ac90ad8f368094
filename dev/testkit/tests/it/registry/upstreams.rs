//! Images of an upstream registry, which is another Hearth: skopeo, buildah and builds pull them through this one.

use std::fs;

use hearth_base::{Error, Result, Secret};
use hearth_testkit::{CliSession, Hearth, HearthShape, TestImage};
use http::{Method, StatusCode};
use tempfile::TempDir;

use super::{
    clients::{build_image_url, inspect_digest, run_program},
    create_owner, send_and_read, send_and_read_refusal,
};
use crate::end_to_end::provide_images;

/// Two Hearths: the registry `upstream` of the second is the first one.
struct UpstreamPair {
    upstream: Hearth,
    hearth: Hearth,
    /// Secret with which the second Hearth signs in to the first one.
    upstream_secret: Secret,
    _folder: TempDir,
}

impl UpstreamPair {
    /// Starts both. The first has the image `hearth/base:1` and the tool `hello` with `tool-hello/web:v1`.
    async fn start(shape: HearthShape, base: &TestImage) -> Result<Self> {
        let upstream = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
        let operator = upstream.operator().await?;
        let (owner, upstream_secret) = create_owner(&upstream, &operator, "hello").await?;
        base.push(&operator.client, "hearth/base", "1").await?;
        TestImage::from_busybox(&[("motd", "of the upstream")])?.push(&owner, "tool-hello/web", "v1").await?;
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let password = folder.path().join("password");
        fs::write(&password, upstream_secret.expose_secret()).map_err(Error::internal)?;
        let authority = upstream.url().trim_start_matches("http://");
        let config = format!(
            "[outbound]\nallow = [\"{authority}\"]\n[images.upstreams.hub]\nurl = \"http://{authority}\"\n\
             prefixes = [\"registry.example\"]\nuser = \"anybody\"\npassword_file = \"{}\"\nfresh_seconds = 0\n",
            password.display()
        );
        let hearth = Hearth::start_with(shape, &config).await?;
        Ok(Self { upstream, hearth, upstream_secret, _folder: folder })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_pull_images_of_an_upstream_through_hearth() -> Result<()> {
    let base = TestImage::from_busybox(&[])?;
    let pair = UpstreamPair::start(HearthShape::TOGETHER_ON_FILES, &base).await?;
    let operator = pair.hearth.operator().await?;
    let (reader, token) = create_owner(&pair.hearth, &operator, "reader").await?;
    let credentials = format!("x:{}", token.expose_secret());
    let upstream_credentials = format!("x:{}", pair.upstream_secret.expose_secret());
    let original = build_image_url(&pair.upstream, "tool-hello/web:v1");
    let options = |credentials: &str| ["--tls-verify=false".to_owned(), format!("--creds={credentials}")];
    let inspect = async |image: &str, credentials: &str| {
        let options = options(credentials);
        inspect_digest(image, &[&options[0], &options[1]]).await
    };
    let digest = inspect(&original, &upstream_credentials).await?;

    // Each client gets the bytes of the upstream, by tag and by digest.
    let image = build_image_url(&pair.hearth, "upstream/hub/tool-hello/web:v1");
    assert_eq!(inspect(&image, &credentials).await?, digest);
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let copy = async |image: &str, name: &str| {
        // A layout would have compressed layers.
        let copied = format!("dir:{}", folder.path().join(name).display());
        let source = ["copy", "-q", "--src-tls-verify=false", "--src-creds", &credentials];
        run_program("skopeo", &[&source[..], &[image, &copied]].concat()).await?;
        inspect_digest(&copied, &[]).await
    };
    assert_eq!(copy(&image, "first").await?, digest);
    pull_with_buildah(&pair.hearth, &credentials, "upstream/hub/hearth/base:1").await?;

    // While the upstream is away, the stored image is served, and what is not stored is an error.
    pair.upstream.stop().await?;
    assert_eq!(copy(&image, "second").await?, digest);
    let by_digest = build_image_url(&pair.hearth, &format!("upstream/hub/tool-hello/web@{digest}"));
    assert_eq!(copy(&by_digest, "third").await?, digest);
    let path = "/v2/upstream/hub/tool-hello/web/manifests/v1";
    let (status, headers, _) = send_and_read(reader.build_call(Method::GET, path)).await?;
    assert_eq!((status, headers["hearth-stale"].to_str().ok()), (StatusCode::OK, Some("true")));
    let path = "/v2/upstream/hub/tool-hello/other/manifests/v1";
    let refused = send_and_read_refusal(reader.build_call(Method::GET, path)).await?;
    assert_eq!(refused, (503, "UNAVAILABLE".to_owned()));
    pair.hearth.stop().await
}

/// Pulls an image with buildah, into storage of its own.
async fn pull_with_buildah(hearth: &Hearth, credentials: &str, path: &str) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let part = |name: &str| folder.path().join(name).display().to_string();
    let (root, run_root) = (part("root"), part("run"));
    let image = build_image_url(hearth, path);
    let storage = ["--root", &root, "--runroot", &run_root, "--storage-driver", "vfs"];
    let pull = ["pull", "--quiet", "--tls-verify=false", "--creds", credentials, &image];
    run_program("buildah", &[&storage[..], &pull].concat()).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_push_to_an_upstream_or_get_its_credential() -> Result<()> {
    let base = TestImage::from_busybox(&[])?;
    let pair = UpstreamPair::start(HearthShape::TOGETHER_ON_FILES, &base).await?;
    let operator = pair.hearth.operator().await?;
    let (reader, _) = create_owner(&pair.hearth, &operator, "reader").await?;
    let digest = format!("sha256:{}", "0".repeat(64));
    for client in [&reader, &operator.client] {
        for (method, path) in [
            (Method::PUT, "/v2/upstream/hub/hearth/base/manifests/1".to_owned()),
            (Method::DELETE, "/v2/upstream/hub/hearth/base/manifests/1".to_owned()),
            (Method::POST, "/v2/upstream/hub/hearth/base/blobs/uploads".to_owned()),
            (Method::DELETE, format!("/v2/upstream/hub/hearth/base/blobs/{digest}")),
        ] {
            let (status, code) = send_and_read_refusal(client.build_call(method.clone(), &path)).await?;
            assert_eq!((status, code.as_str()), (405, "UNSUPPORTED"), "{method} {path}");
        }
    }
    let path = "/v2/upstream/hub/hearth/base/manifests/1";
    let (status, headers, body) = send_and_read(reader.build_call(Method::GET, path)).await?;
    assert_eq!(status, StatusCode::OK);
    let secret = pair.upstream_secret.expose_secret();
    assert!(!format!("{headers:?}{}", String::from_utf8_lossy(&body)).contains(secret));
    let anonymous = pair.hearth.anonymous()?;
    assert_eq!(send_and_read(anonymous.build_call(Method::GET, path)).await?.0, StatusCode::UNAUTHORIZED);
    for (path, expected) in [
        ("/v2/upstream/nosuch/a/manifests/1", (404, "NAME_UNKNOWN")),
        ("/v2/upstream/hub/hearth/nosuch/manifests/1", (404, "MANIFEST_UNKNOWN")),
        ("/v2/upstream/hub/tool-other/x/manifests/1", (403, "DENIED")),
        ("/v2/upstream/hub/../../hearth/base/manifests/1", (400, "NAME_INVALID")),
        ("/v2/upstream/hub/a%2F..%2Fb/manifests/1", (400, "NAME_INVALID")),
        ("/v2/upstream/hub/a/manifests", (404, "NAME_UNKNOWN")),
    ] {
        let (status, code) = send_and_read_refusal(reader.build_call(Method::GET, path)).await?;
        assert_eq!((status, code.as_str()), expected, "{path}");
    }
    pair.upstream.stop().await?;
    pair.hearth.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn containerfile_names_images_of_an_upstream() -> Result<()> {
    let base = TestImage::from_busybox(&[("made-by", "the upstream")])?;
    let pair = UpstreamPair::start(HearthShape::UP_WITH_CONTAINERS, &base).await?;
    provide_images(&pair.hearth, &["builder"])?;
    let operator = pair.hearth.operator().await?;
    operator.create_tool("reader").await?;
    let cli = operator.open_cli_session(&pair.hearth).await?;
    let built = build_containerfile(&cli, "FROM registry.example/hearth/base:1\nRUN cat /made-by\n").await?;
    assert!(built.contains("the upstream"), "{built}");
    // The same image by its path; it is stored now.
    pair.upstream.stop().await?;
    let built = build_containerfile(&cli, "FROM upstream/hub/hearth/base:1\nRUN cat /made-by\n").await?;
    assert!(built.contains("the upstream"), "{built}");
    pair.hearth.stop().await
}

/// Builds a folder with this Containerfile. Returns the output of the command.
async fn build_containerfile(cli: &CliSession, text: &str) -> Result<String> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    fs::write(folder.path().join("Containerfile"), text).map_err(Error::internal)?;
    let words = ["build", "start", ".", "--tool", "reader"];
    let output = cli.run_in_folder(folder.path(), &words).await?;
    assert_eq!(output.status, Some(0), "{}\n{}", output.out, output.err);
    Ok(format!("{}{}", output.out, output.err))
}
