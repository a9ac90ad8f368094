//! One runtime's process per test, with everything it makes removed afterwards.

use std::{
    fs,
    io::Write,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use hearth_base::Digest;
use hearth_runtime_api::{
    Compression, Image, ImageReference, InstanceId, LayerDescriptor, Process, Runtime,
    conformance::{Bench, Harness, moments},
    fake::Script,
    wire::Socket,
};
use hearth_runtime_local::Settings;
use rustix::process::Pid;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A runtime's process with an image of busybox. Copies drive the same one; the last one cleans up.
#[derive(Clone)]
pub struct Rig {
    inner: Arc<Inner>,
    image: Image,
}

struct Inner {
    instance: String,
    folder: TempDir,
    doors: Vec<String>,
    process: Mutex<Option<Child>>,
}

impl Rig {
    /// A runtime that answers and has its image.
    pub async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    /// The same with ports of the host that containers reach, or with other settings at the end of the command.
    pub async fn start_with(doors: Vec<String>) -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests start containers: run them as root");
        let number = (std::process::id() << 6 | NEXT.fetch_add(1, Ordering::Relaxed)) & 0xfff_ffff;
        let folder = tempfile::Builder::new().prefix("hearth-").tempdir().expect("a folder");
        let inner = Inner { instance: format!("t{number:x}"), folder, doors, process: Mutex::default() };
        let image = image();
        let layer = Archive::layer(&image);
        let rig = Self { inner: Arc::new(inner), image: image_of(std::slice::from_ref(&layer)) };
        rig.spawn_again().await;
        rig.add(&layer, image).await.expect("the image's layer");
        rig
    }

    /// The suite's bench and what only this runtime has.
    pub async fn bench() -> (Bench, Self) {
        let rig = Self::start().await;
        (Bench::new(rig.clone()), rig)
    }

    /// Starts the runtime's process and waits until it answers.
    pub async fn spawn_again(&self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearth-runtime"));
        let number = u32::from_str_radix(&self.inner.instance[1..], 16).expect("an instance's number");
        // Some room for ids that no other test uses at this moment, quick restarts, small layers.
        let ids = 0x1000_0000 + (number % 1024) * 16 * 65_536;
        command.args([&self.inner.instance, self.state().to_str().expect("a path"), "0"]);
        command.args([&ids.to_string(), "20", "67108864", "2000"]).args(&self.inner.doors);
        command.stdin(Stdio::null()).process_group(0);
        let process = command.spawn().expect("the runtime's process");
        *self.inner.process.lock().expect("a lock") = Some(process);
        let socket = self.socket();
        for () in moments() {
            if socket.doctor().await.is_ok() {
                return;
            }
        }
        panic!("the runtime's process does not answer");
    }

    /// Ends the runtime's process at once; containers go on.
    pub async fn kill(&self) {
        self.inner.kill();
    }

    /// Ends the runtime's process at once and starts another one.
    pub async fn restart(&self) {
        self.kill().await;
        self.spawn_again().await;
    }

    pub fn instance(&self) -> String {
        self.inner.instance.clone()
    }

    pub fn state(&self) -> PathBuf {
        self.inner.folder.path().join("state")
    }

    /// The number of an instance's helper, or of its container's first process: `helper` or `init`.
    pub fn pid_of(&self, instance: InstanceId, which: &str) -> Option<Pid> {
        let path = self.state().join("runs").join(instance.to_string()).join("state.json");
        let state: serde_json::Value =
            serde_json::from_slice(&fs::read(path).expect("a state")).expect("JSON");
        let pid = state.pointer(&format!("/{which}/pid"))?.as_i64()?;
        Pid::from_raw(i32::try_from(pid).expect("a number"))
    }

    /// What an instance's helper has mounted, in its own mount namespace.
    pub fn mounts_of(&self, instance: InstanceId) -> PathBuf {
        let helper = self.pid_of(instance, "helper").expect("a helper").as_raw_nonzero();
        PathBuf::from(format!("/proc/{helper}/root/run/hearth-{}/mounts", self.inner.instance))
    }

    /// Waits until an instance's helper is the small program, and says its number.
    pub async fn small_helper(&self, bench: &Bench, instance: InstanceId) -> Pid {
        let pid = self.pid_of(instance, "helper").expect("a helper");
        let small = || async move { program_of(pid).contains("hearth-waiter") };
        bench.eventually("the helper is the small program", small).await;
        pid
    }

    pub fn socket(&self) -> Socket {
        Socket::at(format!("/run/hearth-{}/socket", self.inner.instance))
    }

    /// Adds a layer, as the only one of an image.
    pub async fn add(&self, layer: &LayerDescriptor, bytes: Vec<u8>) -> hearth_base::Result<()> {
        self.is_missing(layer).await;
        self.socket().add_layer(layer, Box::new(std::io::Cursor::new(bytes))).await
    }

    /// Whether a layer is still to be added.
    pub async fn is_missing(&self, layer: &LayerDescriptor) -> bool {
        let image = image_of(std::slice::from_ref(layer));
        !self.socket().ensure_image(&image).await.expect("ensure").is_empty()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.kill();
        let settings = Settings::new(&self.instance, self.folder.path().join("state"));
        hearth_runtime_local::clear(&settings).expect("nothing is left");
    }
}

impl Inner {
    fn kill(&self) {
        if let Some(mut process) = self.process.lock().expect("a lock").take() {
            process.kill().expect("kill");
            process.wait().expect("wait");
        }
    }
}

#[async_trait]
impl Harness for Rig {
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(self.socket())
    }

    fn image(&self) -> Image {
        self.image.clone()
    }

    fn process(&self, script: &Script) -> Process {
        script.shell()
    }

    async fn restart(&self) {
        Self::restart(self).await;
    }

    async fn close(self: Box<Self>) {}
}

/// The image of these layers, by a digest that depends on them.
pub fn image_of(layers: &[LayerDescriptor]) -> Image {
    let digest = Digest::new(Sha256::digest(format!("{layers:?}")).into());
    let reference = ImageReference::new("example/image", digest).expect("a reference");
    Image { reference, layers: layers.to_vec() }
}

/// What a process runs.
pub fn program_of(pid: Pid) -> String {
    let path = fs::read_link(format!("/proc/{}/exe", pid.as_raw_nonzero())).expect("a process");
    path.to_string_lossy().into_owned()
}

/// A layer with busybox under the names that the tests use.
pub fn image() -> Vec<u8> {
    let busybox = fs::read("/bin/busybox").expect("install busybox-static");
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "etc", "home", "proc", "sys", "tmp", "root"] {
        archive.folder(folder, if folder == "tmp" { 0o1777 } else { 0o755 });
    }
    archive.file("bin/busybox", 0o755, &busybox);
    for name in PROGRAMS {
        archive.link(&format!("bin/{name}"), "/bin/busybox", tar::EntryType::Symlink);
    }
    archive.file("etc/passwd", 0o644, b"root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n");
    archive.finish()
}

const PROGRAMS: [&str; 43] = [
    "cat", "cut", "head", "yes", "tr", "wc", "tail", "chmod", "chown", "chroot", "cp", "dd", "echo", "env",
    "false", "grep", "hostname", "httpd", "id", "ip", "kill", "ln", "ls", "mkdir", "mknod", "mount", "mv",
    "nc", "nslookup", "ping", "ps", "rm", "sh", "sleep", "stat", "stty", "test", "touch", "true", "tty",
    "umount", "unshare", "wget",
];

/// An archive in the making.
pub struct Archive(tar::Builder<Vec<u8>>);

impl Default for Archive {
    fn default() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }
}

impl Archive {
    pub fn folder(&mut self, name: &str, mode: u32) -> &mut Self {
        self.entry(name, mode, tar::EntryType::Directory, "", b"")
    }

    pub fn file(&mut self, name: &str, mode: u32, content: &[u8]) -> &mut Self {
        self.entry(name, mode, tar::EntryType::Regular, "", content)
    }

    pub fn link(&mut self, name: &str, target: &str, kind: tar::EntryType) -> &mut Self {
        self.entry(name, 0o777, kind, target, b"")
    }

    /// Any entry, with any name: the crate's own checks of names are for honest archives.
    pub fn entry(
        &mut self,
        name: &str,
        mode: u32,
        kind: tar::EntryType,
        target: &str,
        content: &[u8],
    ) -> &mut Self {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_600_000_000);
        let raw = header.as_mut_bytes();
        raw[..name.len()].copy_from_slice(name.as_bytes());
        raw[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        self.0.append(&header, content).expect("an entry");
        self
    }

    pub fn finish(self) -> Vec<u8> {
        self.0.into_inner().expect("an archive")
    }

    /// The layer of an archive that is not packed.
    pub fn layer(bytes: &[u8]) -> LayerDescriptor {
        let digest = digest(bytes);
        let size = bytes.len() as u64;
        LayerDescriptor { digest, size, compression: Compression::None, diff_id: Some(digest) }
    }

    /// The layer of an archive of which `packed` is the packed form.
    pub fn packed_layer(bytes: &[u8], compression: Compression, packed: &[u8]) -> LayerDescriptor {
        let (size, diff_id) = (packed.len() as u64, Some(digest(bytes)));
        LayerDescriptor { digest: digest(packed), size, compression, diff_id }
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::new(Sha256::digest(bytes).into())
}

/// Something written in gzip's form.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("gzip");
    packed.finish().expect("gzip")
}
