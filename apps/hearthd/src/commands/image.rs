//! `hearthd image`: manages the images that this Hearth provides. It works on the state folder directly,
//! whether or not Hearth runs, and writes there as the folder's owner.

use std::{
    collections::BTreeMap,
    fs::File,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use hearth_base::{Entropy, Error, ImageName, Result, Role, SystemClock};
use hearth_images::{ImageLibrary, ImageSource, ImagesSettings};
use hearth_kit::{
    config::{DatabaseSettings, HearthConfig},
    db::Db,
    state::StateFolder,
};

use super::{
    serve::{build_executor, load_configuration},
    up::HostFolders,
};
use crate::{
    bootstrap::{ImageRecipe, ImageWorkspace, list_recipes, run_program},
    cli::{ImageBootstrapArgs, ImageCommand, ImageImportArgs, ImageListArgs, SettingsArgs},
    console,
    privilege::{HostUser, become_user},
};

/// Runs the subcommand.
pub fn run(command: ImageCommand) -> Result<()> {
    match command {
        ImageCommand::Bootstrap(args) => bootstrap_images(args),
        ImageCommand::List(args) => list(args),
        ImageCommand::Import(args) => import_image(args),
    }
}

/// Creates the missing images.
fn bootstrap_images(args: ImageBootstrapArgs) -> Result<()> {
    let ImageBootstrapArgs { names, mirror, again, layouts, settings } = args;
    if !rustix::process::geteuid().is_root() {
        return Err(Error::forbidden(
            "not-root",
            "this user is not root; creating images from packages needs root",
        )
        .help("sudo hearthd image bootstrap; or push one: skopeo copy … docker://REGISTRY/hearth/NAME"));
    }
    let configured = load_configuration(settings.clone())?.read_section::<ImagesSettings>();
    let (sources, recipes) = (&configured.sources, list_recipes(&configured.provided)?);
    let first = list_expected_images(sources, &recipes);
    let destination = match layouts {
        Some(folder) => ImageDestination::Folder(folder),
        None => ImageDestination::Hearth(ServicesState::from_settings(settings)?),
    };
    if let Some(name) = names.iter().find(|name| !first.contains(&name.as_str())) {
        return Err(Error::invalid("no-recipe", format!("the image {name:?} has no recipe"))
            .help(format!("choose one of {}, or set its source in [images.sources]", first.join(", "))));
    }
    let missing = destination.list_missing(&first)?;
    let selected = first.iter().copied().filter(|name| {
        (names.is_empty() || names.iter().any(|selected| selected == name))
            && (again || missing.iter().any(|missing| missing == name))
    });
    let (mut copied, mut made) = (Vec::new(), Vec::new());
    for name in selected {
        match sources.iter().find(|(copied, _)| copied.as_str() == name) {
            Some((_, source)) => copied.push((name, source)),
            None => made.extend(recipes.iter().find(|recipe| recipe.name == name)),
        }
    }
    if copied.is_empty() && made.is_empty() {
        console::print_result("All images exist.");
        return Ok(());
    }
    let workspace = ImageWorkspace::open(destination.workspace_folder())?;
    let hand_over = |name: &str, layout: &Path| {
        console::print_result(format_args!("hearth/{name} {}", destination.store_image(name, layout)?));
        Ok(())
    };
    workspace.copy_images(&copied, hand_over)?;
    workspace.build_images(&made, mirror.as_deref(), hand_over)
}

/// Lists the initial images of a Hearth: those with a recipe, and those with a configured source.
fn list_expected_images<'a>(
    sources: &'a BTreeMap<ImageName, ImageSource>,
    recipes: &'a [ImageRecipe],
) -> Vec<&'a str> {
    let made: Vec<&str> = recipes.iter().map(|recipe| recipe.name.as_str()).collect();
    let more: Vec<&str> = sources.keys().map(ImageName::as_str).filter(|name| !made.contains(name)).collect();
    made.into_iter().chain(more).collect()
}

/// The destination of created images.
enum ImageDestination {
    /// The registry of a Hearth.
    Hearth(ServicesState),
    /// A folder with one subfolder per image.
    Folder(PathBuf),
}

impl ImageDestination {
    /// Lists the missing initial images.
    fn list_missing(&self, first: &[&str]) -> Result<Vec<String>> {
        match self {
            Self::Hearth(services) => {
                Ok(services.run_image_command(&["list", "--missing"])?.lines().map(str::to_owned).collect())
            }
            Self::Folder(folder) => {
                let missing = first.iter().filter(|name| !folder.join(name).exists());
                Ok(missing.map(ToString::to_string).collect())
            }
        }
    }

    fn workspace_folder(&self) -> PathBuf {
        match self {
            Self::Hearth(services) => services.workspace.clone(),
            Self::Folder(folder) => folder.join(".workshop"),
        }
    }

    /// Stores an image. Returns its digest or folder.
    fn store_image(&self, name: &str, layout: &Path) -> Result<String> {
        match self {
            Self::Hearth(services) => services.import_image(name, layout),
            Self::Folder(folder) => {
                let target = folder.join(name);
                let _may_be_absent = std::fs::remove_dir_all(&target);
                std::fs::rename(layout, &target).map_err(Error::internal)?;
                Ok(target.display().to_string())
            }
        }
    }
}

/// Prints the provided images. Error `image-missing` when an initial image is missing.
fn list(args: ImageListArgs) -> Result<()> {
    let ImageListArgs { missing: only_missing, all, user, settings } = args;
    let state = settings.state.clone();
    if user.is_none() && rustix::process::geteuid().is_root() {
        let services = ServicesState::from_settings(settings.clone())?;
        if services.owner.is_some() {
            let missing = services.run_image_command(&["list", "--missing"])?;
            if only_missing {
                console::print_result(missing.trim_end());
                return Ok(());
            }
            console::print_result(services.run_image_command(&["list", "--all"])?.trim_end());
            return check_none_missing(&missing.lines().collect::<Vec<_>>(), state.as_deref());
        }
    }
    let configured = load_configuration(settings.clone())?.read_section::<ImagesSettings>();
    let recipes = list_recipes(&configured.provided)?;
    let (library, threads) = open_library_as(user, settings)?;
    let mut missing = Vec::new();
    for name in list_expected_images(&configured.sources, &recipes) {
        if !threads.block_on(library.has_image(name))? {
            missing.push(name);
        }
    }
    if only_missing {
        missing.iter().for_each(console::print_result);
        return Ok(());
    }
    for image in threads.block_on(library.list_provided())? {
        let digest = image.digest.map_or_else(|| "-".to_owned(), |digest| digest.to_string());
        console::print_result(format_args!("{:16} {:12} {digest}", image.name, image.state));
    }
    if all { Ok(()) } else { check_none_missing(&missing, state.as_deref()) }
}

fn check_none_missing(missing: &[&str], state: Option<&Path>) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let what = format!("these images are missing: {}", missing.join(", "));
    let folder = state.map(|state| format!(" --state {}", state.display())).unwrap_or_default();
    Err(Error::unavailable("image-missing", what).help(format!("sudo hearthd image bootstrap{folder}")))
}

/// Imports an image from a folder.
fn import_image(args: ImageImportArgs) -> Result<()> {
    let ImageImportArgs { name, layout, user, settings } = args;
    if user.is_none() && rustix::process::geteuid().is_root() {
        let services = ServicesState::from_settings(settings.clone())?;
        if services.owner.is_some() {
            console::print_result(services.import_image(&name, &layout)?);
            return Ok(());
        }
    }
    let (library, threads) = open_library_as(user, settings)?;
    console::print_result(threads.block_on(library.import_layout(&layout, &name))?);
    Ok(())
}

fn open_library_as(
    user: Option<String>,
    settings: SettingsArgs,
) -> Result<(ImageLibrary, tokio::runtime::Runtime)> {
    let config = load_configuration(settings)?;
    if let Some(user) = user {
        become_user(HostUser::find_user(&user)?)?;
    }
    let threads = build_executor()?;
    let library = threads.block_on(open_library(&config))?;
    Ok((library, threads))
}

async fn open_library(config: &HearthConfig) -> Result<ImageLibrary> {
    let state = StateFolder::open(&config.state)?;
    let db = match &config.database {
        DatabaseSettings::Files => Db::open_file(&state.databases_folder(), Role::Images).await?,
        DatabaseSettings::Postgres(url) => Db::open_postgres(url, Role::Images).await?,
    };
    ImageLibrary::open(config, &state, &db, Arc::new(SystemClock), Arc::new(Entropy::System)).await
}

/// The state folder of the services, and its owner.
pub(super) struct ServicesState {
    config: Option<PathBuf>,
    services: PathBuf,
    /// The owner; `None` for root.
    pub(super) owner: Option<HostUser>,
    workspace: PathBuf,
}

impl ServicesState {
    /// Finds the state folder by the settings of a command.
    pub(super) fn from_settings(settings: SettingsArgs) -> Result<Self> {
        let file = settings.config.clone();
        let config = load_configuration(settings)?;
        let state = &config.state;
        let workspace = state.join("bootstrap");
        // `hearthd serve` uses the state folder itself, `hearthd up` a subfolder.
        if state.join("keys").is_dir() && !state.join("services").is_dir() {
            let owner = find_owner(state)?;
            return Ok(Self { config: file, services: state.clone(), owner, workspace });
        }
        let user = HostUser::find_user(&config.runtime.user)?;
        let folders = HostFolders::create_in(state, user)?;
        Ok(Self { config: file, services: folders.services, owner: Some(user), workspace })
    }

    /// Imports an image as the owner of the state folder. Returns its digest.
    fn import_image(&self, name: &str, layout: &Path) -> Result<String> {
        let folder = File::open(layout).map_err(|cause| {
            Error::invalid(
                "layout",
                format!("the image layout cannot be opened: {}: {cause}", layout.display()),
            )
            .help("pass a folder that is an OCI image layout")
        })?;
        // The owner may have no access to the folder's path, so the child process inherits an open
        // descriptor.
        let digest =
            self.run_image_command_with(Stdio::from(folder), &["import", name, "/proc/self/fd/0"])?;
        Ok(digest.trim().to_owned())
    }

    /// Runs `hearthd image …` as the owner of the state folder. Returns its output.
    fn run_image_command(&self, arguments: &[&str]) -> Result<String> {
        self.run_image_command_with(Stdio::null(), arguments)
    }

    fn run_image_command_with(&self, input: Stdio, arguments: &[&str]) -> Result<String> {
        self.run_as_owner(input, &[&["image"], arguments].concat())
    }

    /// Runs `hearthd` with these arguments as the owner of the state folder. Returns its output.
    fn run_as_owner(&self, input: Stdio, arguments: &[&str]) -> Result<String> {
        run_program(self.build_owner_command(arguments).stdin(input))
    }

    /// Replaces this process with `hearthd` with these arguments, as the owner of the state folder. Returns only an
    /// error.
    pub(super) fn become_owner(&self, arguments: &[&str]) -> Error {
        Error::internal(self.build_owner_command(arguments).exec())
    }

    fn build_owner_command(&self, arguments: &[&str]) -> Command {
        // Works even if the owner has no access to this program's path.
        let mut command = Command::new("/proc/self/exe");
        command.args(arguments).arg("--state").arg(&self.services);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        if let Some(HostUser { uid, .. }) = self.owner {
            command.arg("--user").arg(uid.to_string());
        }
        command
    }
}

/// Finds the owner of a folder; `None` for root.
fn find_owner(folder: &Path) -> Result<Option<HostUser>> {
    let meta = std::fs::metadata(folder).map_err(Error::internal)?;
    Ok((meta.uid() != 0).then(|| HostUser { uid: meta.uid(), gid: meta.gid() }))
}
