//! Finding the image that a tool means, how it wants to be run, and its layers.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use hearth_base::{Digest, Error, Kind, RepositoryId, Result, ToolId};
use hearth_wire::images::internal::{ImageConfig, ImageKind, ImageLayers, Layer, Resolved};
use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest};

use super::{
    meaning::{Meaning, meaning, reference},
    parse::{self, Parsed},
    provided,
};
use crate::{
    cx::Cx,
    names::{ImageName, PROVIDED, Reference, shown},
    store::Repository,
};

/// The most of an image's configuration that is read.
const CONFIG_LIMIT: usize = 4 << 20;

/// Ends of the media types of layers that can be unpacked (OCI image specification, `layer.md`).
const LAYER_PACKINGS: [&str; 3] = ["tar", "gzip", "zstd"];

/// The state of images that nobody has said anything else of.
const STABLE: &str = "stable";

/// The image that `tool` means by `text`. It may use its own and the provided ones.
pub async fn resolve(cx: &Cx, tool: ToolId, text: &str) -> Result<Resolved> {
    let found = find(cx, tool, text).await?;
    let Found { image, path, repository, digest, state, kind } = found;
    let (digest, manifest) = image_manifest(cx, repository.id, digest).await?;
    let config = configuration(cx, &manifest).await?;
    let reference = format!("{}/{path}@{digest}", cx.door.authority());
    // Who relies on an image learns at once that it has no layers that could be brought.
    read_layers(&manifest, &config)?;
    Ok(Resolved { image, reference, digest, state, kind, config: run_config(&config) })
}

/// The layers of the image with this manifest, when it is one that `tool` may use.
pub async fn find_layers(cx: &Cx, tool: ToolId, digest: Digest) -> Result<ImageLayers> {
    let owners = [tool.to_string(), PROVIDED.to_owned()];
    let homes = cx.store.manifest_home(digest, &owners).await?;
    let home = homes.first().ok_or_else(|| {
        let what = format!("there is no image with the digest {digest} that this tool may use");
        Error::new(Kind::NotFound, "manifest-unknown", what).help("resolve the image again")
    })?;
    let (_, manifest) = image_manifest(cx, *home, digest).await?;
    let config = configuration(cx, &manifest).await?;
    Ok(ImageLayers { layers: read_layers(&manifest, &config)? })
}

struct Found {
    image: String,
    /// The full name without host and digest.
    path: String,
    repository: Repository,
    digest: Digest,
    state: String,
    kind: ImageKind,
}

async fn find(cx: &Cx, tool: ToolId, text: &str) -> Result<Found> {
    let hosts = ["hearth.internal".to_owned(), cx.door.authority(), cx.door.domain.clone()];
    match meaning(text, &hosts)? {
        Meaning::Short(short) => {
            let (name, listed) = provided::find_image(cx, &short).ok_or_else(|| unknown(cx, text))?;
            let image = provided::parse_repository(name, listed)?;
            let reference = reference(Some(provided::TAG), None)?;
            let (repository, digest) =
                tagged(cx, PROVIDED, &image, &reference).await?.ok_or_else(|| not_made(name))?;
            let path = format!("{PROVIDED}/{image}:{}", provided::TAG);
            let (image, state) = (name.to_owned(), listed.state.clone());
            Ok(Found { image, path, repository, digest, state, kind: ImageKind::Provided })
        }
        Meaning::Full { tool: named, name, tag, digest } => {
            let reference = reference(tag.as_deref(), digest.as_deref())?;
            let owner = named.as_ref().map_or_else(|| PROVIDED.to_owned(), |_| tool.to_string());
            let own = |repository: &Repository| {
                named.as_ref().is_none_or(|named| repository.tool_name == named.as_str())
            };
            let found =
                tagged(cx, &owner, &name, &reference).await?.filter(|(repository, _)| own(repository));
            let (repository, found) = found.ok_or_else(|| unknown(cx, text))?;
            let space = named.as_ref().map_or_else(|| PROVIDED.to_owned(), |named| format!("tool-{named}"));
            let tag = match (&tag, &digest) {
                (Some(tag), _) => format!(":{tag}"),
                (None, Some(_)) => String::new(),
                (None, None) => ":latest".to_owned(),
            };
            let path = format!("{space}/{name}{tag}");
            let kind = if named.is_some() { ImageKind::Built } else { ImageKind::Provided };
            Ok(Found { image: path.clone(), path, repository, digest: found, state: STABLE.to_owned(), kind })
        }
    }
}

async fn tagged(
    cx: &Cx,
    owner: &str,
    name: &ImageName,
    reference: &Reference,
) -> Result<Option<(Repository, Digest)>> {
    let Some(repository) = cx.store.repository(owner, name).await? else { return Ok(None) };
    let digest = match reference {
        Reference::Digest(digest) => Some(*digest),
        Reference::Tag(tag) => cx.store.tag(repository.id, tag).await?.map(|tag| tag.digest),
    };
    let Some(digest) = digest else { return Ok(None) };
    let there = cx.store.manifest(repository.id, digest).await?.is_some();
    Ok(there.then_some((repository, digest)))
}

/// The manifest of the image itself: of an index, that for this machine.
async fn image_manifest(
    cx: &Cx,
    repository: RepositoryId,
    mut digest: Digest,
) -> Result<(Digest, ImageManifest)> {
    for _ in 0..3 {
        let manifest = cx.store.manifest(repository, digest).await?;
        let manifest =
            manifest.ok_or_else(|| Error::internal(format!("the manifest {digest} is not there")))?;
        match parse::parse(Some(&manifest.media_type), &manifest.content)?.1 {
            Parsed::Image(image) => return Ok((digest, *image)),
            Parsed::Index(index) => digest = of_this_machine(&index)?,
        }
    }
    Err(unusable("its indexes lie too deep"))
}

fn of_this_machine(index: &ImageIndex) -> Result<Digest> {
    let here = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let fits = |platform: &oci_spec::image::Platform| {
        platform.os().to_string() == "linux" && platform.architecture().to_string() == here
    };
    let found = index.manifests().iter().find(|entry| entry.platform().as_ref().is_none_or(fits));
    parse::digest(found.ok_or_else(|| unusable(&format!("it has nothing for linux/{here}")))?)
}

async fn configuration(cx: &Cx, manifest: &ImageManifest) -> Result<ImageConfiguration> {
    let digest = parse::digest(manifest.config())?;
    let gone = || Error::internal(format!("the configuration {digest} is not there"));
    let content = cx.store.content(digest).await?.ok_or_else(gone)?;
    if content.size > CONFIG_LIMIT as u64 {
        return Err(unusable("its configuration is too large"));
    }
    let stream = cx.blobs.read(content.blob, None).await?.ok_or_else(gone)?;
    let bytes: Vec<u8> = stream
        .try_fold(Vec::new(), async |mut all, bytes| {
            all.extend_from_slice(&bytes);
            Ok(all)
        })
        .await?;
    serde_json::from_slice(&bytes)
        .map_err(|cause| unusable("its configuration cannot be read").because(cause))
}

fn read_layers(manifest: &ImageManifest, config: &ImageConfiguration) -> Result<Vec<Layer>> {
    let diff_ids = config.rootfs().diff_ids();
    if diff_ids.len() != manifest.layers().len() {
        return Err(unusable("its configuration does not name each of its layers"));
    }
    let layers = manifest.layers().iter().zip(diff_ids).map(|(layer, diff_id)| {
        let media_type = layer.media_type().to_string();
        if !media_type.rsplit(['.', '+']).next().is_some_and(|packing| LAYER_PACKINGS.contains(&packing)) {
            return Err(unusable(&format!("its layers are of the type {media_type:.80?}")));
        }
        Ok(Layer {
            digest: parse::digest(layer)?,
            diff_id: diff_id
                .parse()
                .map_err(|_| unusable("its configuration names a layer that cannot be"))?,
            media_type,
            size: layer.size(),
        })
    });
    layers.collect()
}

fn run_config(image: &ImageConfiguration) -> ImageConfig {
    let Some(config) = image.config() else { return ImageConfig::default() };
    let labels = config.labels().iter().flatten().map(|(key, value)| (key.clone(), value.clone()));
    ImageConfig {
        env: config.env().clone().unwrap_or_default(),
        entrypoint: config.entrypoint().clone().unwrap_or_default(),
        cmd: config.cmd().clone().unwrap_or_default(),
        working_dir: config.working_dir().clone().unwrap_or_default(),
        user: config.user().clone().unwrap_or_default(),
        labels: labels.collect::<BTreeMap<_, _>>(),
    }
}

fn unknown(cx: &Cx, text: &str) -> Error {
    let names: Vec<&str> = cx.settings.provided.keys().map(String::as_str).collect();
    let what = format!("there is no image {} that this tool may use", shown(text));
    Error::new(Kind::NotFound, "no-such-image", what)
        .help(format!("use one of {}, or an image of your own: hearth build list", names.join(", ")))
}

fn not_made(name: &str) -> Error {
    Error::new(Kind::NotFound, "image-not-made", format!("the image {name} has not been made yet"))
        .help("whoever runs this Hearth has to: hearthd image bootstrap")
}

fn unusable(why: &str) -> Error {
    Error::invalid("image-unusable", format!("the image cannot be used: {why}"))
        .help("build or push it again")
}
