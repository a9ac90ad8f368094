//! Configuration of an image (OCI image specification, `config.md`): reading it, and the bounds of what other
//! services store of it.

use futures::TryStreamExt;
use hearth_base::{Error, RepositoryId, Result};
use oci_spec::image::{ImageConfiguration, ImageManifest};

use super::manifest_format;
use crate::context::ImagesContext;

/// Media types of the configurations of images that can run.
const IMAGE_CONFIG_TYPES: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
/// Largest image configuration, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Maximum number of environment variables, labels, and words of entrypoint and command, each.
const MAX_CONFIG_ITEMS: usize = 1000;
/// Maximum size of all variables, labels, words and names together, in bytes.
const MAX_CONFIG_TEXT_BYTES: usize = 256 << 10;
/// Maximum size of one environment variable or word in bytes: the kernel's `MAX_ARG_STRLEN` with its NUL
/// byte.
const MAX_WORD_BYTES: usize = (128 << 10) - 1;

/// Checks the configuration of a pushed image before the manifest is stored, if the repository has it: the
/// error must not say anything about other repositories' blobs. Configurations of other media types belong to
/// artifacts, which are stored and never run.
pub async fn check_pushed_configuration(
    cx: &ImagesContext,
    repository: RepositoryId,
    manifest: &ImageManifest,
) -> Result<()> {
    let digest = manifest_format::parse_descriptor_digest(manifest.config())?;
    let is_image = IMAGE_CONFIG_TYPES.contains(&manifest.config().media_type().to_string().as_str());
    if !is_image || cx.store.find_link(repository, digest).await?.is_none() {
        return Ok(());
    }
    match read_image_configuration(cx, manifest).await {
        // Some tools store artifacts with an empty image configuration; to run one is refused.
        Err(error) if error.code() == INVALID_CONFIG_CODE => Ok(()),
        read => read.map(|_| ()),
    }
}

/// Code of the error for an image that cannot run.
const INVALID_CONFIG_CODE: &str = "image-unusable";

/// Reads the configuration of an image. Error `image-unusable` (invalid) when it is not one, and
/// `image-config-too-large` (invalid) when it exceeds the bounds.
pub async fn read_image_configuration(
    cx: &ImagesContext,
    manifest: &ImageManifest,
) -> Result<ImageConfiguration> {
    let digest = manifest_format::parse_descriptor_digest(manifest.config())?;
    let missing = || Error::internal(format!("the configuration {digest} is missing"));
    let content = cx.store.find_content(digest).await?.ok_or_else(missing)?;
    if content.size > MAX_CONFIG_BYTES {
        return Err(build_bounds_error(&format!(
            "it has {} bytes; at most {MAX_CONFIG_BYTES}",
            content.size
        )));
    }
    let stream = cx.blobs.read(content.blob, None).await?.ok_or_else(missing)?;
    let bytes: Vec<u8> = stream
        .try_fold(Vec::new(), async |mut all, bytes| {
            all.extend_from_slice(&bytes);
            Ok(all)
        })
        .await?;
    parse_configuration(&bytes)
}

/// Parses the configuration of an image and checks its bounds.
pub fn parse_configuration(content: &[u8]) -> Result<ImageConfiguration> {
    let config = serde_json::from_slice(content)
        .map_err(|cause| build_unusable_error("its configuration is invalid").with_cause(cause))?;
    check_bounds(&config)?;
    Ok(config)
}

fn check_bounds(image: &ImageConfiguration) -> Result<()> {
    let Some(config) = image.config() else { return Ok(()) };
    let lists = [
        ("environment variables", config.env()),
        ("words in its entrypoint", config.entrypoint()),
        ("words in its command", config.cmd()),
    ];
    let mut bytes = 0;
    for (what, list) in lists {
        let list = list.as_deref().unwrap_or_default();
        check_item_count(what, list.len())?;
        if let Some(long) = list.iter().find(|word| word.len() > MAX_WORD_BYTES) {
            return Err(build_bounds_error(&format!(
                "one of its {what} has {} bytes; at most {MAX_WORD_BYTES}",
                long.len()
            )));
        }
        bytes += list.iter().map(String::len).sum::<usize>();
    }
    let labels = config.labels();
    check_item_count("labels", labels.as_ref().map_or(0, |labels| labels.len()))?;
    bytes += labels.iter().flatten().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    bytes += [config.working_dir(), config.user()].into_iter().flatten().map(String::len).sum::<usize>();
    match bytes > MAX_CONFIG_TEXT_BYTES {
        true => Err(build_bounds_error(&format!(
            "its variables, labels and commands have {bytes} bytes; at most {MAX_CONFIG_TEXT_BYTES}"
        ))),
        false => Ok(()),
    }
}

fn check_item_count(what: &str, count: usize) -> Result<()> {
    if count <= MAX_CONFIG_ITEMS {
        return Ok(());
    }
    Err(build_bounds_error(&format!("it has {count} {what}; at most {MAX_CONFIG_ITEMS}")))
}

/// Builds the error for an image that cannot run.
pub fn build_unusable_error(why: &str) -> Error {
    Error::invalid(INVALID_CONFIG_CODE, format!("the image cannot be used: {why}"))
        .help("build or push it again")
}

fn build_bounds_error(why: &str) -> Error {
    Error::invalid("image-config-too-large", format!("the image's configuration is too large: {why}"))
        .help("put large values into files of the image, and build it again")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn describe_refusal(config: &Value) -> Option<String> {
        let image = json!({"architecture": "amd64", "os": "linux", "config": config,
            "rootfs": {"type": "layers", "diff_ids": []}});
        let image = serde_json::from_value(image).expect("a configuration");
        check_bounds(&image).err().map(|error| error.public_message().to_owned())
    }

    #[test]
    fn variables_labels_and_commands_are_bounded_in_number_and_size() {
        let usual = json!({"Env": vec!["A=b"; 100], "Cmd": ["sh"], "Labels": {"a": "x".repeat(100_000)}});
        assert_eq!(describe_refusal(&usual), None);
        for (config, what) in [
            (json!({"Env": vec!["A=b"; 1001]}), "1001 environment variables"),
            (json!({"Env": ["x".repeat(131_072)]}), "131072 bytes"),
            (json!({"Env": vec!["x".repeat(100_000); 3]}), "300000 bytes"),
            (json!({"Labels": {"a": "x".repeat(300_000)}}), "300001 bytes"),
            (json!({"Cmd": vec!["x"; 1001]}), "1001 words in its command"),
            (json!({"Entrypoint": ["x".repeat(200_000)]}), "200000 bytes"),
            (json!({"User": "x".repeat(300_000)}), "300000 bytes"),
        ] {
            let refused = describe_refusal(&config).unwrap_or_default();
            assert!(refused.contains(what), "{what}: {refused}");
        }
        let labels: serde_json::Map<String, Value> =
            (0..1001).map(|number| (number.to_string(), Value::from(""))).collect();
        assert!(
            describe_refusal(&json!({"Labels": labels}))
                .is_some_and(|refused| refused.contains("1001 labels"))
        );
    }
}
