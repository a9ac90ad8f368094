//! Settings of the builder.

use std::path::PathBuf;

use hearth_base::{Cpu, Memory};

hearth_kit::settings! {
    /// The builder.
    pub struct BuilderSettings in "builder" {
        /// Builds that run at one time; the builds of one tool run one after the other.
        parallel: u32 = 2,
        /// Labels of this builder: tools that `builds.builder_labels` binds to a label are built by builders with it.
        labels: Vec<String> = Vec::new(),
        /// Provided images that are unpacked on this host before anything needs them, besides the builder's own, so that
        /// the first deployment is quick.
        prepared_images: Vec<String> = ["static", "python3.11-slim"].map(str::to_owned).to_vec(),
        /// Memory of one build.
        memory: Memory = Memory::from_mib(2048),
        /// Processors of one build.
        cpu: Cpu = Cpu::from_milli(2000),
        /// Maximum size of a source, in bytes: of a commit with its submodules and Git LFS objects, and of an uploaded
        /// folder once it is unpacked. An upload has never more than 256 MiB and 50 times the size of its archive.
        source_bytes: u64 = 4 << 30,
        /// Maximum number of files and folders of an uploaded folder.
        source_entries: u32 = 300_000,
        /// Lines of one build's log to store.
        log_lines: u64 = 20_000,
        /// Settings of pip. Build steps see its indexes and limits, without user names, passwords and keys; omitted
        /// when the file does not exist.
        pip_config: PathBuf = PathBuf::from("/etc/pip.conf"),
        /// Settings of npm. Build steps see its registries and limits, without tokens, passwords and keys; omitted when
        /// the file does not exist.
        npm_config: PathBuf = PathBuf::from("/etc/npmrc"),
        /// Variables of the go command, one `KEY=VALUE` in a line. Build steps see proxies and checksum databases, without
        /// user names and passwords; omitted when the file does not exist.
        go_env: PathBuf = PathBuf::from("/etc/go/env"),
        /// Settings of cargo. Build steps see sources, registries and limits, without tokens; omitted when the file does
        /// not exist.
        cargo_config: PathBuf = PathBuf::from("/etc/cargo/config.toml"),
        /// Settings of Maven. Build steps see the mirrors, without user names and passwords; omitted when the file does
        /// not exist.
        maven_settings: PathBuf = PathBuf::from("/etc/maven/settings.xml"),
        /// Settings of gem. Its first source is the mirror of bundler in build steps, without user name and password;
        /// omitted when the file does not exist.
        gem_config: PathBuf = PathBuf::from("/etc/gemrc"),
        /// Settings of composer, as of `composer config --global`. Build steps see its repositories of packages, without
        /// user names, passwords and tokens; omitted when the file does not exist.
        composer_config: PathBuf = PathBuf::from("/etc/composer/config.json"),
        /// Certificates by which builds verify servers.
        ca_bundle: PathBuf = PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
        /// Host of the registry of public images whose name has no host, for `FROM` in a Containerfile; when absent, such
        /// names are refused.
        default_registry: Option<String> = None,
    }
}
