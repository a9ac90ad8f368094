//! `hearthd image`: the images that this Hearth provides. It works on the state folder itself, so that it does not
//! matter whether Hearth runs; what it writes there it writes as the user whose folder it is.

use std::{
    collections::BTreeMap,
    fs::File,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use hearth_base::{Entropy, Error, ImageName, Result, Role, SystemClock};
use hearth_images::{ImageSource, ImagesSettings, Library};
use hearth_kit::{
    config::{Config, Database},
    db::Db,
    state::StateFolder,
};

use super::{
    serve::{configuration, threads},
    up::Folders,
};
use crate::{
    bootstrap::{NAMES, Recipe, Workshop, output},
    cli::{Image, ImageBootstrap, ImageImport, ImageList, Settings},
    out,
    privilege::{User, become_user},
};

/// Does what is asked for.
pub fn run(image: Image) -> Result<()> {
    match image {
        Image::Bootstrap(command) => bootstrap(command),
        Image::List(command) => list(command),
        Image::Import(command) => import(command),
    }
}

/// Makes the images that are missing.
fn bootstrap(command: ImageBootstrap) -> Result<()> {
    let ImageBootstrap { names, mirror, again, layouts, settings } = command;
    if !rustix::process::geteuid().is_root() {
        return Err(Error::forbidden(
            "not-root",
            "only root can make images of packages, and this is another user",
        )
        .help("sudo hearthd image bootstrap; or push one: skopeo copy … docker://REGISTRY/hearth/NAME"));
    }
    let sources = configuration(settings.clone())?.section::<ImagesSettings>().sources.clone();
    let first = first(&sources);
    let goal = match layouts {
        Some(folder) => Goal::Folder(folder),
        None => Goal::Hearth(Place::of(settings)?),
    };
    if let Some(name) = names.iter().find(|name| !first.contains(&name.as_str())) {
        return Err(Error::invalid("no-recipe", format!("there is no recipe for an image {name:?}"))
            .help(format!("make one of {}, or name its source: [images.sources]", first.join(", "))));
    }
    let missing = goal.missing(&first)?;
    let wanted = first.iter().copied().filter(|name| {
        (names.is_empty() || names.iter().any(|asked| asked == name))
            && (again || missing.iter().any(|missing| missing == name))
    });
    let (mut copied, mut made) = (Vec::new(), Vec::new());
    for name in wanted {
        match (sources.iter().find(|(copied, _)| copied.as_str() == name), Recipe::named(name)) {
            (Some((_, source)), _) => copied.push((name, source)),
            (None, recipe) => made.extend(recipe),
        }
    }
    if copied.is_empty() && made.is_empty() {
        out::result("All images are there.");
        return Ok(());
    }
    let shop = Workshop::open(goal.workshop())?;
    let hand_over = |name: &str, layout: &Path| {
        out::result(format_args!("hearth/{name} {}", goal.take(name, layout)?));
        Ok(())
    };
    shop.copy(&copied, hand_over)?;
    shop.make(&made, mirror.as_deref(), hand_over)
}

/// The images that a new Hearth is given: those there are recipes for, and those an operator names a source for.
fn first(sources: &BTreeMap<ImageName, ImageSource>) -> Vec<&str> {
    let more = sources.keys().map(ImageName::as_str).filter(|name| !NAMES.contains(name));
    NAMES.iter().copied().chain(more).collect()
}

/// Where images go that are made.
enum Goal {
    /// Into a Hearth's registry.
    Hearth(Place),
    /// Into a folder, each under its name.
    Folder(PathBuf),
}

impl Goal {
    /// Which of the first images are not there.
    fn missing(&self, first: &[&str]) -> Result<Vec<String>> {
        match self {
            Self::Hearth(place) => {
                Ok(place.call(&["list", "--missing"])?.lines().map(str::to_owned).collect())
            }
            Self::Folder(folder) => {
                let missing = first.iter().filter(|name| !folder.join(name).exists());
                Ok(missing.map(ToString::to_string).collect())
            }
        }
    }

    fn workshop(&self) -> PathBuf {
        match self {
            Self::Hearth(place) => place.workshop.clone(),
            Self::Folder(folder) => folder.join(".workshop"),
        }
    }

    /// Takes an image in; what there is to say of it.
    fn take(&self, name: &str, layout: &Path) -> Result<String> {
        match self {
            Self::Hearth(place) => place.import(name, layout),
            Self::Folder(folder) => {
                let place = folder.join(name);
                let _there_may_be_none = std::fs::remove_dir_all(&place);
                std::fs::rename(layout, &place).map_err(Error::internal)?;
                Ok(place.display().to_string())
            }
        }
    }
}

/// Prints the provided images; an error when one that can be made has not been made.
fn list(command: ImageList) -> Result<()> {
    let ImageList { missing: only_missing, all, user, settings } = command;
    if user.is_none() && rustix::process::geteuid().is_root() {
        let place = Place::of(settings.clone())?;
        if place.owner.is_some() {
            let missing = place.call(&["list", "--missing"])?;
            if only_missing {
                out::result(missing.trim_end());
                return Ok(());
            }
            out::result(place.call(&["list", "--all"])?.trim_end());
            return none_missing(&missing.lines().collect::<Vec<_>>());
        }
    }
    let sources = configuration(settings.clone())?.section::<ImagesSettings>().sources.clone();
    let (library, threads) = library(user, settings)?;
    let mut missing = Vec::new();
    for name in first(&sources) {
        if !threads.block_on(library.has(name))? {
            missing.push(name);
        }
    }
    if only_missing {
        missing.iter().for_each(out::result);
        return Ok(());
    }
    for image in threads.block_on(library.provided())? {
        let digest = image.digest.map_or_else(|| "-".to_owned(), |digest| digest.to_string());
        out::result(format_args!("{:16} {:12} {digest}", image.name, image.state));
    }
    if all { Ok(()) } else { none_missing(&missing) }
}

fn none_missing(missing: &[&str]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let what = format!("not made yet: {}", missing.join(", "));
    Err(Error::unavailable("image-missing", what).help("sudo hearthd image bootstrap"))
}

/// Takes in an image from a folder.
fn import(command: ImageImport) -> Result<()> {
    let ImageImport { name, layout, user, settings } = command;
    if user.is_none() && rustix::process::geteuid().is_root() {
        let place = Place::of(settings.clone())?;
        if place.owner.is_some() {
            out::result(place.import(&name, &layout)?);
            return Ok(());
        }
    }
    let (library, threads) = library(user, settings)?;
    out::result(threads.block_on(library.import(&layout, &name))?);
    Ok(())
}

fn library(user: Option<String>, settings: Settings) -> Result<(Library, tokio::runtime::Runtime)> {
    let config = configuration(settings)?;
    if let Some(user) = user {
        become_user(User::find(&user)?)?;
    }
    let threads = threads()?;
    let library = threads.block_on(open(&config))?;
    Ok((library, threads))
}

async fn open(config: &Config) -> Result<Library> {
    let state = StateFolder::open(&config.state)?;
    let db = match &config.database {
        Database::Files => Db::open_file(&state.databases(), Role::Images).await?,
        Database::Postgres(url) => Db::open_postgres(url, Role::Images).await?,
    };
    Library::open(config, &state, &db, Arc::new(SystemClock), Arc::new(Entropy::System)).await
}

/// Where the services keep their things, and whose that is.
struct Place {
    config: Option<PathBuf>,
    services: PathBuf,
    owner: Option<User>,
    workshop: PathBuf,
}

impl Place {
    fn of(settings: Settings) -> Result<Self> {
        let file = settings.config.clone();
        let config = configuration(settings)?;
        let state = &config.state;
        let workshop = state.join("bootstrap");
        // `hearthd serve` keeps everything in the state folder itself, `hearthd up` in one of its own.
        if state.join("keys").is_dir() && !state.join("services").is_dir() {
            let owner = owner(state)?;
            return Ok(Self { config: file, services: state.clone(), owner, workshop });
        }
        let user = User::find(&config.runtime.user)?;
        let folders = Folders::make(state, user)?;
        Ok(Self { config: file, services: folders.services, owner: Some(user), workshop })
    }

    /// Takes an image in as the owner; its digest.
    fn import(&self, name: &str, layout: &Path) -> Result<String> {
        let folder = File::open(layout).map_err(|cause| {
            Error::invalid("layout", format!("{} cannot be opened: {cause}", layout.display()))
                .help("name a folder that is an OCI image layout")
        })?;
        // The owner may not be able to walk to the folder: it is handed over open.
        let digest = self.call_on(Stdio::from(folder), &["import", name, "/proc/self/fd/0"])?;
        Ok(digest.trim().to_owned())
    }

    /// Runs `hearthd image …` as the owner, and gives what it prints.
    fn call(&self, arguments: &[&str]) -> Result<String> {
        self.call_on(Stdio::null(), arguments)
    }

    fn call_on(&self, input: Stdio, arguments: &[&str]) -> Result<String> {
        // This very program, though the owner may not be able to walk to it.
        let mut command = Command::new("/proc/self/exe");
        command.stdin(input).arg("image").args(arguments).arg("--state").arg(&self.services);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        if let Some(User { uid, .. }) = self.owner {
            command.arg("--user").arg(uid.to_string());
        }
        output(&mut command)
    }
}

/// The owner of a folder, when that is not root.
fn owner(folder: &Path) -> Result<Option<User>> {
    let meta = std::fs::metadata(folder).map_err(Error::internal)?;
    Ok((meta.uid() != 0).then(|| User { uid: meta.uid(), gid: meta.gid() }))
}
