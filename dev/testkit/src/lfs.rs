//! Git LFS objects of the git server (Git LFS specification, "Batch API" and "Basic Transfer API").

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Folder of the server with the contents of the objects.
const OBJECTS_PATH: &str = "/lfs-objects/";
/// End of the path of the Batch API, below each repository.
const BATCH_PATH_END: &str = ".git/info/lfs/objects/batch";
const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";

/// The stored objects, by their ids.
#[derive(Debug, Clone, Default)]
pub struct LfsObjects(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

/// A request of the Batch API.
#[derive(Deserialize)]
struct BatchRequest {
    objects: Vec<WantedObject>,
}

#[derive(Deserialize)]
struct WantedObject {
    oid: String,
    size: u64,
}

impl LfsObjects {
    /// Stores an object, and returns the text of its pointer.
    pub fn store_object(&self, content: &[u8]) -> String {
        let id: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        let pointer =
            format!("version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize {}\n", content.len());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, content.to_owned());
        pointer
    }

    /// Answers a request with a media type and content; `None` for a path of git's own.
    pub fn answer_request(&self, address: &str, path: &str, body: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = path.strip_prefix(OBJECTS_PATH) {
            return Some(("application/octet-stream", objects.get(id).cloned().unwrap_or_default()));
        }
        if !path.ends_with(BATCH_PATH_END) {
            return None;
        }
        let request: BatchRequest = serde_json::from_slice(body).ok()?;
        let answers: Vec<Value> = request
            .objects
            .iter()
            .map(|WantedObject { oid, size }| match objects.contains_key(oid) {
                true => json!({"oid": oid, "size": size, "actions": {
                    "download": {"href": format!("http://{address}{OBJECTS_PATH}{oid}")},
                }}),
                false => json!({"oid": oid, "size": size, "error": {
                    "code": 404, "message": "Object does not exist",
                }}),
            })
            .collect();
        let answer = json!({"transfer": "basic", "objects": answers, "hash_algo": "sha256"});
        Some((MEDIA_TYPE, answer.to_string().into_bytes()))
    }
}
