//! Layers of an image in the store of buildah (containers-storage, driver `overlay`), for a mount that needs no start of
//! buildah.

use std::{fs, path::Path};

use serde::Deserialize;

/// Largest list of images that is read, in bytes.
const MAX_LIST_BYTES: u64 = 16 << 20;

#[derive(Deserialize)]
struct StoredImage {
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    layer: String,
}

/// Returns the layers of an image, the top one first, as the option `lowerdir` of an overlay mount in the folder
/// `overlay` of the store; `None` if the store has no such image or another form.
pub fn find_layer_folders(store: &Path, image: &str) -> Option<String> {
    let list = store.join("overlay-images/images.json");
    if list.metadata().ok()?.len() > MAX_LIST_BYTES {
        return None;
    }
    let images: Vec<StoredImage> = serde_json::from_slice(&fs::read(list).ok()?).ok()?;
    let layer = images.into_iter().find(|known| known.names.iter().any(|name| name == image))?.layer;
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_id(&layer) {
        return None;
    }
    let folder = store.join("overlay").join(layer);
    let link = fs::read_to_string(folder.join("link")).ok()?;
    // The lowest layer has none below it.
    let lower = fs::read_to_string(folder.join("lower")).unwrap_or_default();
    let folders: Vec<String> = std::iter::once(format!("l/{}", link.trim()))
        .chain(lower.trim().split(':').filter(|folder| !folder.is_empty()).map(str::to_owned))
        .collect();
    let is_link = |folder: &String| folder.strip_prefix("l/").is_some_and(is_id);
    folders.iter().all(is_link).then(|| folders.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_an_image_are_found_by_its_name() {
        let store = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &str| {
            let path = store.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        let images =
            r#"[{"id": "1", "layer": "aa"}, {"id": "2", "names": ["localhost/x:latest"], "layer": "bb"}]"#;
        write("overlay-images/images.json", images);
        write("overlay/bb/link", "TOP");
        write("overlay/bb/lower", "l/MIDDLE:l/LOWEST");
        let find = |name| find_layer_folders(store.path(), name);
        assert_eq!(find("localhost/x:latest").as_deref(), Some("l/TOP:l/MIDDLE:l/LOWEST"));
        assert_eq!(find("localhost/y:latest"), None);
        write("overlay/bb/lower", "l/MIDDLE:/etc");
        assert_eq!(find("localhost/x:latest"), None);
    }
}
