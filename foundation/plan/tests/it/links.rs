//! Manifests behind symbolic links.

use std::{fs, io, os::unix::fs::symlink};

use hearth_plan::{SourceEntry, SourceFolder, SourceTree};

#[test]
fn manifest_behind_a_link_inside_the_folder_is_read() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("deploy"))?;
    fs::write(folder.path().join("deploy/Procfile"), "web: ./serve\n")?;
    symlink("deploy/Procfile", folder.path().join("Procfile"))?;
    symlink("deploy", folder.path().join("linked"))?;
    let source = SourceFolder::new(folder.path());
    assert_eq!(source.read("Procfile").ok().flatten().as_deref(), Some("web: ./serve\n"));
    assert_eq!(source.read("linked/Procfile").ok().flatten().as_deref(), Some("web: ./serve\n"));
    assert_eq!(source.find_entry("linked").ok().flatten(), Some(SourceEntry::Folder));
    Ok(())
}

#[test]
fn link_that_leads_out_of_the_folder_counts_as_missing() -> io::Result<()> {
    let outer = tempfile::tempdir()?;
    let folder = outer.path().join("in");
    fs::create_dir(&folder)?;
    fs::write(outer.path().join("Procfile"), "web: ./secret\n")?;
    for (target, link) in
        [("../Procfile", "Procfile"), ("..", "above"), ("/etc/passwd", "package.json"), ("loop", "loop")]
    {
        symlink(target, folder.join(link))?;
    }
    let source = SourceFolder::new(&folder);
    for path in ["Procfile", "above/Procfile", "package.json", "loop"] {
        assert!(matches!(source.find_entry(path), Ok(None)), "{path}: {:?}", source.find_entry(path));
        assert!(matches!(source.read(path), Ok(None)), "{path}");
    }
    Ok(())
}
