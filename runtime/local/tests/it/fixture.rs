//! Test fixture: one runtime process for each test, with clean-up of all its resources.

use std::{
    fs,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use hearth_base::Digest;
use hearth_runtime_api::{
    Compression, ImageReference, InstanceId, LayerDescriptor, Process, ResolvedImage, Runtime,
    conformance::{Bench, Harness, poll_moments},
    fake::Script,
    wire::RuntimeClient,
};
use hearth_runtime_local::LocalRuntimeSettings;
use rustix::process::Pid;
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempDir};

static NEXT_INSTANCE_NUMBER: AtomicU32 = AtomicU32::new(0);

/// Runtime process with an image of busybox. Clones share the process; the last one cleans up.
#[derive(Clone)]
pub struct RuntimeFixture {
    process: Arc<FixtureProcess>,
    image: ResolvedImage,
}

struct FixtureProcess {
    instance: String,
    folder: TempDir,
    extra_arguments: Vec<String>,
    process: Mutex<Option<Child>>,
    /// The file of a file system that is mounted at the folder.
    disk: Option<NamedTempFile>,
}

impl RuntimeFixture {
    /// Starts a runtime, waits until it answers, and adds its image.
    pub async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    /// Starts a runtime with further arguments: port forwards to services of the host, or other settings.
    pub async fn start_with(extra_arguments: Vec<String>) -> Self {
        let fixture = Self::start_empty(extra_arguments).await;
        fixture.add_layer(&fixture.image.layers[0], build_busybox_layer()).await.expect("the image's layer");
        fixture
    }

    /// Starts a runtime whose folder is a file system of its own, of this size in bytes.
    pub async fn start_on_disk(bytes: u64, extra_arguments: Vec<String>) -> Self {
        let fixture = Self::start_on(Some(bytes), extra_arguments).await;
        fixture.add_layer(&fixture.image.layers[0], build_busybox_layer()).await.expect("the image's layer");
        fixture
    }

    /// Starts a runtime without an image, with further arguments.
    pub async fn start_empty(extra_arguments: Vec<String>) -> Self {
        Self::start_on(None, extra_arguments).await
    }

    async fn start_on(disk_bytes: Option<u64>, extra_arguments: Vec<String>) -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests start containers; run them as root");
        let number =
            (std::process::id() << 6 | NEXT_INSTANCE_NUMBER.fetch_add(1, Ordering::Relaxed)) & 0xfff_ffff;
        let folder = tempfile::Builder::new().prefix("hearth-").tempdir().expect("a folder");
        let disk = disk_bytes.map(|bytes| mount_disk(bytes, folder.path()));
        let process = FixtureProcess {
            instance: format!("t{number:x}"),
            folder,
            extra_arguments,
            process: Mutex::default(),
            disk,
        };
        let image = build_busybox_layer();
        let layer = LayerArchive::describe_layer(&image);
        let fixture = Self { process: Arc::new(process), image: build_image(std::slice::from_ref(&layer)) };
        fixture.spawn_runtime().await;
        fixture
    }

    /// Starts a runtime. Returns the bench of the conformance suite, and the fixture.
    pub async fn start_bench() -> (Bench, Self) {
        let fixture = Self::start().await;
        (Bench::new(fixture.clone()), fixture)
    }

    /// Starts the runtime process and waits until it answers.
    pub async fn spawn_runtime(&self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearth-runtime"));
        let number = u32::from_str_radix(&self.process.instance[1..], 16).expect("an instance's number");
        // An id range that no concurrent test uses, a short restart pause, small layers.
        let ids = 0x1000_0000 + (number % 1024) * 16 * 65_536;
        command.args([&self.process.instance, self.state_folder().to_str().expect("a path"), "0"]);
        command.args([&ids.to_string(), "20", "67108864", "2000"]).args(&self.process.extra_arguments);
        command.stdin(Stdio::null()).process_group(0);
        let process = command.spawn().expect("the runtime's process");
        *self.process.process.lock().expect("a lock") = Some(process);
        let socket = self.connect_client();
        for () in poll_moments() {
            if socket.check_host().await.is_ok() {
                return;
            }
        }
        panic!("the runtime process does not answer");
    }

    /// Kills the runtime process; containers keep running.
    pub async fn kill_runtime(&self) {
        self.process.kill_process();
    }

    /// Kills the runtime process and starts another one.
    pub async fn restart(&self) {
        self.kill_runtime().await;
        self.spawn_runtime().await;
    }

    pub fn instance_name(&self) -> String {
        self.process.instance.clone()
    }

    pub fn state_folder(&self) -> PathBuf {
        self.process.folder.path().join("state")
    }

    /// Reads the process id of an instance's helper (`helper`) or of its init process (`init`) from the state
    /// file.
    pub fn read_pid(&self, instance: InstanceId, which: &str) -> Option<Pid> {
        let path = self.state_folder().join("runs").join(instance.to_string()).join("state.json");
        let state: serde_json::Value =
            serde_json::from_slice(&fs::read(path).expect("a state")).expect("JSON");
        let pid = state.pointer(&format!("/{which}/pid"))?.as_i64()?;
        Pid::from_raw(i32::try_from(pid).expect("a number"))
    }

    /// Path of an instance's mounts in its helper's mount namespace.
    pub fn mounts_folder(&self, instance: InstanceId) -> PathBuf {
        let helper = self.read_pid(instance, "helper").expect("a helper").as_raw_nonzero();
        PathBuf::from(format!("/proc/{helper}/root/run/hearth-{}/mounts", self.process.instance))
    }

    /// Folder of the home of an instance's tool on the host, in the helper's mount namespace. The home must be the first
    /// mount, and the helper must run.
    pub fn home_folder(&self, instance: InstanceId) -> PathBuf {
        self.mounts_folder(instance).join("volume-disks/0/data")
    }

    /// Waits until an instance's helper runs the small program, and returns its process id.
    pub async fn wait_for_small_helper(&self, bench: &Bench, instance: InstanceId) -> Pid {
        let pid = self.read_pid(instance, "helper").expect("a helper");
        let small = || async move { read_program(pid).contains("hearth-waiter") };
        bench.wait_until("the helper is the small program", small).await;
        pid
    }

    pub fn connect_client(&self) -> RuntimeClient {
        RuntimeClient::new(format!("/run/hearth-{}/socket", self.process.instance))
    }

    /// Adds a layer, as the only layer of an image.
    pub async fn add_layer(&self, layer: &LayerDescriptor, bytes: Vec<u8>) -> hearth_base::Result<()> {
        self.is_missing(layer).await;
        self.connect_client().add_layer(layer, Box::new(std::io::Cursor::new(bytes))).await
    }

    /// Returns true if the runtime does not have the layer.
    pub async fn is_missing(&self, layer: &LayerDescriptor) -> bool {
        let image = build_image(std::slice::from_ref(layer));
        !self.connect_client().ensure_image(&image).await.expect("ensure").is_empty()
    }
}

impl Drop for FixtureProcess {
    fn drop(&mut self) {
        self.kill_process();
        let settings = LocalRuntimeSettings::new(&self.instance, self.folder.path().join("state"));
        hearth_runtime_local::remove_host_resources(&settings).expect("resources are removed");
        if self.disk.is_some() {
            run_program("umount", &["--lazy".as_ref(), self.folder.path()]);
        }
    }
}

/// Makes a file system of this size and mounts it. The file is deleted when it is dropped.
fn mount_disk(bytes: u64, at: &Path) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    file.as_file().set_len(bytes).expect("its size");
    run_program("mkfs.ext4", &["-q".as_ref(), "-m".as_ref(), "0".as_ref(), file.path()]);
    run_program("mount", &["-o".as_ref(), "loop".as_ref(), file.path(), at]);
    file
}

fn run_program(name: &str, arguments: &[&Path]) {
    let status = Command::new(name).args(arguments).status().expect("a program of the host");
    assert!(status.success(), "{name} {arguments:?}: {status}");
}

impl FixtureProcess {
    fn kill_process(&self) {
        if let Some(mut process) = self.process.lock().expect("a lock").take() {
            process.kill().expect("kill");
            process.wait().expect("wait");
        }
    }
}

#[async_trait]
impl Harness for RuntimeFixture {
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(self.connect_client())
    }

    fn image(&self) -> ResolvedImage {
        self.image.clone()
    }

    fn build_process(&self, script: &Script) -> Process {
        script.to_shell_process()
    }

    async fn restart(&self) {
        Self::restart(self).await;
    }

    async fn close(self: Box<Self>) {}
}

/// Builds an image of these layers, with a digest that depends on them.
pub fn build_image(layers: &[LayerDescriptor]) -> ResolvedImage {
    let digest = Digest::new(Sha256::digest(format!("{layers:?}")).into());
    let reference = ImageReference::new("example/image", digest).expect("a reference");
    ResolvedImage { reference, layers: layers.to_vec() }
}

/// Reads the path of a process's program.
pub fn read_program(pid: Pid) -> String {
    let path = fs::read_link(format!("/proc/{}/exe", pid.as_raw_nonzero())).expect("a process");
    path.to_string_lossy().into_owned()
}

/// Builds the archive of a layer with busybox and the applets that the tests use.
pub fn build_busybox_layer() -> Vec<u8> {
    let busybox = fs::read("/bin/busybox").expect("install busybox-static");
    let mut archive = LayerArchive::default();
    for folder in ["bin", "dev", "etc", "home", "proc", "sys", "tmp", "root"] {
        archive.add_folder(folder, if folder == "tmp" { 0o1777 } else { 0o755 });
    }
    archive.add_file("bin/busybox", 0o755, &busybox);
    for name in BUSYBOX_APPLETS {
        archive.add_link(&format!("bin/{name}"), "/bin/busybox", tar::EntryType::Symlink);
    }
    archive.add_file("etc/passwd", 0o644, b"root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n");
    archive.into_bytes()
}

const BUSYBOX_APPLETS: [&str; 43] = [
    "cat", "cut", "head", "yes", "tr", "wc", "tail", "chmod", "chown", "chroot", "cp", "dd", "echo", "env",
    "false", "grep", "hostname", "httpd", "id", "ip", "kill", "ln", "ls", "mkdir", "mknod", "mount", "mv",
    "nc", "nslookup", "ping", "ps", "rm", "sh", "sleep", "stat", "stty", "test", "touch", "true", "tty",
    "umount", "unshare", "wget",
];

/// Builder of a layer's tar archive.
pub struct LayerArchive(tar::Builder<Vec<u8>>);

impl Default for LayerArchive {
    fn default() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }
}

impl LayerArchive {
    pub fn add_folder(&mut self, name: &str, mode: u32) -> &mut Self {
        self.add_entry(name, mode, tar::EntryType::Directory, "", b"")
    }

    pub fn add_file(&mut self, name: &str, mode: u32, content: &[u8]) -> &mut Self {
        self.add_entry(name, mode, tar::EntryType::Regular, "", content)
    }

    pub fn add_link(&mut self, name: &str, target: &str, kind: tar::EntryType) -> &mut Self {
        self.add_entry(name, 0o777, kind, target, b"")
    }

    /// Adds an entry with any name. The name is written to the raw header, because the tar crate refuses
    /// invalid names.
    pub fn add_entry(
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

    /// Adds a sparse file of this length, with data only in its last 512 bytes (GNU tar, "Storing Sparse Files").
    pub fn add_sparse_file(&mut self, name: &str, length: u64) -> &mut Self {
        let encode_octal = |number: u64| {
            let text = format!("{number:011o}\0");
            <[u8; 12]>::try_from(text.as_bytes()).expect("eleven digits")
        };
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_size(512);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let gnu = header.as_gnu_mut().expect("a header of GNU tar");
        gnu.set_real_size(length);
        gnu.sparse[0].offset = encode_octal(length - 512);
        gnu.sparse[0].numbytes = encode_octal(512);
        header.set_path(name).expect("a short name");
        header.set_cksum();
        self.0.append(&header, &[b'x'; 512][..]).expect("an entry");
        self
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("an archive")
    }

    /// Describes an uncompressed layer.
    pub fn describe_layer(bytes: &[u8]) -> LayerDescriptor {
        let digest = compute_digest(bytes);
        let size = bytes.len() as u64;
        LayerDescriptor { digest, size, compression: Compression::None, diff_id: Some(digest) }
    }

    /// Describes the compressed layer `packed` of the archive `bytes`.
    pub fn describe_compressed_layer(
        bytes: &[u8],
        compression: Compression,
        packed: &[u8],
    ) -> LayerDescriptor {
        let (size, diff_id) = (packed.len() as u64, Some(compute_digest(bytes)));
        LayerDescriptor { digest: compute_digest(packed), size, compression, diff_id }
    }
}

fn compute_digest(bytes: &[u8]) -> Digest {
    Digest::new(Sha256::digest(bytes).into())
}

/// Compresses bytes with gzip.
pub fn compress_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("gzip");
    packed.finish().expect("gzip")
}
