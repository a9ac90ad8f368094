//! Resolution of image references: the manifest, the run configuration and the layers.

use std::collections::BTreeMap;

use hearth_base::{Digest, Error, ErrorKind, RepositoryId, Result, ToolId};
use hearth_wire::images::internal::{ImageConfig, ImageKind, ImageLayers, ImageResolution, Layer};
use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest};

use super::{
    image_config::{build_unusable_error, read_image_configuration},
    image_reference::{ImageReference, choose_reference, parse_image_reference},
    manifest_format::{self, ParsedManifest},
    provided,
};
use crate::{
    context::ImagesContext,
    names::{ImageName, ManifestReference, PROVIDED_OWNER, quote_untrusted},
    store::Repository,
};

/// Suffixes of the media types of layers that can be unpacked (OCI image specification, `layer.md`).
const LAYER_TYPE_SUFFIXES: [&str; 3] = ["tar", "gzip", "zstd"];

/// State of an image whose state is not set.
pub const DEFAULT_IMAGE_STATE: &str = "stable";

/// Resolves `text` to an image that `tool` may use: its own or a provided one.
pub async fn resolve_image(cx: &ImagesContext, tool: ToolId, text: &str) -> Result<ImageResolution> {
    let found = find_image(cx, tool, text).await?;
    let ImageMatch { image, path, repository, digest, state, kind } = found;
    let (digest, manifest) = find_image_manifest(cx, repository.id, digest).await?;
    let config = read_image_configuration(cx, &manifest).await?;
    let reference = format!("{}/{path}@{digest}", cx.door.public_authority());
    // Reading the layers here reports an unusable image to the caller at once, rather than at its start.
    read_layers(&manifest, &config)?;
    Ok(ImageResolution { image, reference, digest, state, kind, config: extract_run_config(&config) })
}

/// Finds the layers of the image with this manifest, if `tool` may use it.
pub async fn find_layers(cx: &ImagesContext, tool: ToolId, digest: Digest) -> Result<ImageLayers> {
    let owners = [tool.to_string(), PROVIDED_OWNER.to_owned()];
    let repositories = cx.store.find_manifest_repositories(digest, &owners).await?;
    let repository = repositories.first().ok_or_else(|| {
        let what = format!("the tool has no image with the digest {digest}");
        Error::new(ErrorKind::NotFound, "manifest-unknown", what).help("resolve the image again")
    })?;
    let (_, manifest) = find_image_manifest(cx, *repository, digest).await?;
    let config = read_image_configuration(cx, &manifest).await?;
    Ok(ImageLayers { layers: read_layers(&manifest, &config)? })
}

struct ImageMatch {
    image: String,
    /// Full name without host and digest.
    path: String,
    repository: Repository,
    digest: Digest,
    state: String,
    kind: ImageKind,
}

async fn find_image(cx: &ImagesContext, tool: ToolId, text: &str) -> Result<ImageMatch> {
    let hosts = ["hearth.internal".to_owned(), cx.door.public_authority(), cx.door.domain.clone()];
    match parse_image_reference(text, &hosts)? {
        ImageReference::Short(short) => {
            let (name, listed) =
                provided::find_image(cx, &short).ok_or_else(|| build_unknown_image_error(cx, text))?;
            let image = provided::parse_repository(name, listed)?;
            let reference = choose_reference(Some(provided::PROVIDED_TAG), None)?;
            let (repository, digest) = find_referenced_digest(cx, PROVIDED_OWNER, &image, &reference)
                .await?
                .ok_or_else(|| build_not_made_error(name))?;
            let path = format!("{PROVIDED_OWNER}/{image}:{}", provided::PROVIDED_TAG);
            let (image, state) = (name.to_owned(), listed.state.clone());
            Ok(ImageMatch { image, path, repository, digest, state, kind: ImageKind::Provided })
        }
        ImageReference::Full { tool: named, name, tag, digest } => {
            let reference = choose_reference(tag.as_deref(), digest.as_deref())?;
            let owner_key = named.as_ref().map_or_else(|| PROVIDED_OWNER.to_owned(), |_| tool.to_string());
            let own = |repository: &Repository| {
                named.as_ref().is_none_or(|named| repository.tool_name == named.as_str())
            };
            let found = find_referenced_digest(cx, &owner_key, &name, &reference)
                .await?
                .filter(|(repository, _)| own(repository));
            let (repository, found) = found.ok_or_else(|| build_unknown_image_error(cx, text))?;
            let owner_name =
                named.as_ref().map_or_else(|| PROVIDED_OWNER.to_owned(), |named| format!("tool-{named}"));
            let tag = match (&tag, &digest) {
                (Some(tag), _) => format!(":{tag}"),
                (None, Some(_)) => String::new(),
                (None, None) => ":latest".to_owned(),
            };
            let path = format!("{owner_name}/{name}{tag}");
            let kind = if named.is_some() { ImageKind::Built } else { ImageKind::Provided };
            Ok(ImageMatch {
                image: path.clone(),
                path,
                repository,
                digest: found,
                state: DEFAULT_IMAGE_STATE.to_owned(),
                kind,
            })
        }
    }
}

async fn find_referenced_digest(
    cx: &ImagesContext,
    owner_key: &str,
    name: &ImageName,
    reference: &ManifestReference,
) -> Result<Option<(Repository, Digest)>> {
    let Some(repository) = cx.store.find_repository(owner_key, name).await? else { return Ok(None) };
    let digest = match reference {
        ManifestReference::Digest(digest) => Some(*digest),
        ManifestReference::Tag(tag) => cx.store.find_tag(repository.id, tag).await?.map(|tag| tag.digest),
    };
    let Some(digest) = digest else { return Ok(None) };
    let exists = cx.store.find_manifest(repository.id, digest).await?.is_some();
    Ok(exists.then_some((repository, digest)))
}

/// Finds the image manifest; of an index, that for this machine's platform. An index may contain an index, at
/// most two levels deep.
async fn find_image_manifest(
    cx: &ImagesContext,
    repository: RepositoryId,
    mut digest: Digest,
) -> Result<(Digest, ImageManifest)> {
    for _ in 0..3 {
        let manifest = cx.store.find_manifest(repository, digest).await?;
        let manifest =
            manifest.ok_or_else(|| Error::internal(format!("the manifest {digest} is missing")))?;
        match manifest_format::parse_manifest(Some(&manifest.media_type), &manifest.content)?.1 {
            ParsedManifest::Image(image) => return Ok((digest, *image)),
            ParsedManifest::Index(index) => digest = choose_platform_manifest(&index)?,
        }
    }
    Err(build_unusable_error("its indexes are nested too deeply"))
}

fn choose_platform_manifest(index: &ImageIndex) -> Result<Digest> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let fits = |platform: &oci_spec::image::Platform| {
        platform.os().to_string() == "linux" && platform.architecture().to_string() == architecture
    };
    let found = index.manifests().iter().find(|entry| entry.platform().as_ref().is_none_or(fits));
    manifest_format::parse_descriptor_digest(
        found.ok_or_else(|| build_unusable_error(&format!("it has no image for linux/{architecture}")))?,
    )
}

fn read_layers(manifest: &ImageManifest, config: &ImageConfiguration) -> Result<Vec<Layer>> {
    let diff_ids = config.rootfs().diff_ids();
    if diff_ids.len() != manifest.layers().len() {
        return Err(build_unusable_error("its configuration does not name each of its layers"));
    }
    let layers = manifest.layers().iter().zip(diff_ids).map(|(layer, diff_id)| {
        let media_type = layer.media_type().to_string();
        if !media_type.rsplit(['.', '+']).next().is_some_and(|packing| LAYER_TYPE_SUFFIXES.contains(&packing))
        {
            return Err(build_unusable_error(&format!(
                "a layer has an unsupported media type: {media_type:.80?}"
            )));
        }
        if manifest_format::is_non_distributable(&media_type) {
            return Err(build_unusable_error("a layer is non-distributable, and is not in the registry"));
        }
        Ok(Layer {
            digest: manifest_format::parse_descriptor_digest(layer)?,
            diff_id: diff_id
                .parse()
                .map_err(|_| build_unusable_error("its configuration has an invalid layer digest"))?,
            media_type,
            size: layer.size(),
        })
    });
    layers.collect()
}

fn extract_run_config(image: &ImageConfiguration) -> ImageConfig {
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

fn build_unknown_image_error(cx: &ImagesContext, text: &str) -> Error {
    let names: Vec<&str> = cx.settings.provided.keys().map(String::as_str).collect();
    let what = format!("the tool has no image {}", quote_untrusted(text));
    Error::new(ErrorKind::NotFound, "no-such-image", what)
        .help(format!("use one of {}, or an image of your own: hearth build list", names.join(", ")))
}

fn build_not_made_error(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, "image-not-made", format!("the image {name} has not been built yet"))
        .help("ask an operator of this Hearth to run: hearthd image bootstrap")
}
