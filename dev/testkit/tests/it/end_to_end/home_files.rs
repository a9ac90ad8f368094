//! Files of a home: copied from outside of any run, and seen by runs.

use std::{fs, io::Write, net::TcpStream, os::unix::fs::PermissionsExt, sync::Arc};

use hearth_base::{Error, ErrorKind, Result, Secret};
use hearth_client::{Bearer, Client, Transport, box_body};
use hearth_testkit::{Hearth, HearthShape, wait_until};
use hearth_wire::{
    storage::{FileDeleteQuery, FileQuery, FileWriteQuery},
    tools::ToolCreate,
};
use http_body_util::{BodyExt, Full};

use super::images::provide_images;

#[tokio::test]
async fn files_are_copied_to_and_from_a_home_without_a_run() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["bookworm"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    cli.run_successfully(&["new", "hello"]).await?;

    // A folder with a program, before the tool has any job.
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let source = folder.path().join("data");
    fs::create_dir_all(source.join("sub")).map_err(Error::internal)?;
    fs::write(source.join("sub/rows.csv"), "1,2\n").map_err(Error::internal)?;
    fs::write(source.join("count.sh"), "#!/bin/sh\nwc -l < \"$1\"\n").map_err(Error::internal)?;
    fs::set_permissions(source.join("count.sh"), fs::Permissions::from_mode(0o755))
        .map_err(Error::internal)?;
    let from = source.display().to_string();
    let copied = cli.run_successfully(&["files", "copy", &from, "home:", "--tool", "hello"]).await?;
    assert!(copied.contains("2 files"), "{copied}");

    // A run sees them, may execute the program, and writes beside them.
    let run = ["jobs", "run", "count", "--tool", "hello", "--image", "bookworm", "--mount", "all", "--wait"];
    let line = "cd ~/data && ./count.sh sub/rows.csv > sub/result && ln -s /etc/passwd sub/link";
    cli.run_successfully(&[&run[..], &["--no-filelog", "--command", line]].concat()).await?;
    let listed = cli.run_successfully(&["files", "list", "data/sub", "--tool", "hello"]).await?;
    assert!(listed.contains("result") && listed.contains("rows.csv") && listed.contains("link"), "{listed}");

    // The result comes back, a link does not, and an existing file is replaced on request only.
    let back = folder.path().join("back");
    let to = back.display().to_string();
    let words = ["files", "copy", "home:data", &to, "--tool", "hello"];
    let copied = cli.run(&words).await?;
    assert!(copied.status == Some(0) && copied.err.contains("data/sub/link is not copied"), "{copied:?}");
    assert_eq!(fs::read_to_string(back.join("sub/result")).map_err(Error::internal)?.trim(), "1");
    let mode = fs::metadata(back.join("count.sh")).map_err(Error::internal)?.permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    let result = back.join("sub/result");
    fs::write(&result, "of this machine").map_err(Error::internal)?;
    let to = result.display().to_string();
    let words = ["files", "copy", "home:data/sub/result", &to, "--tool", "hello"];
    let refused = cli.run(&words).await?;
    assert!(refused.status == Some(1) && refused.err.contains("file-exists"), "{refused:?}");
    assert_eq!(fs::read_to_string(&result).map_err(Error::internal)?, "of this machine");
    cli.run_successfully(&[&words[..], &["--yes"]].concat()).await?;
    assert_eq!(fs::read_to_string(&result).map_err(Error::internal)?.trim(), "1");

    // The usage has the file, and a folder with content is deleted on request only.
    let usage = operator.client.storage().show_home(&"hello".parse()?).await?;
    assert!(usage.files >= 4 && usage.used_bytes > 0, "{usage:?}");
    let refused = cli.run(&["files", "delete", "data", "--tool", "hello", "--yes"]).await?;
    assert!(refused.err.contains("folder-not-empty"), "{refused:?}");
    cli.run_successfully(&["files", "delete", "data", "--recursive", "--tool", "hello", "--yes"]).await?;
    assert!(!cli.run_successfully(&["files", "list", "--tool", "hello"]).await?.contains("data"));
    hearth.stop().await
}

#[tokio::test]
async fn file_session_leads_neither_out_of_the_home_nor_to_another_tool() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["bookworm"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let files = operator.client.storage();
    let create = |name: &str| Ok::<_, Error>(ToolCreate { name: name.parse()?, description: String::new() });
    let tool = operator.client.tools().create(&create("links")?).await?.name;
    let other = operator.client.tools().create(&create("other")?).await?.name;
    let path = |path: &str| FileQuery { path: path.to_owned() };
    let write = |path: &str| FileWriteQuery { path: path.to_owned(), mode: None };
    files.write_file(&other, &write("private"), 1, box_body(Full::new("x".into()))).await?;

    // Links of a run to the host's files, to other homes, and upwards.
    let line = "cd ~ && ln -s /etc/hostname host && ln -s / root && ln -s ../../.. up && mkfifo pipe && mkdir folder";
    let run = ["jobs", "run", "links", "--tool", "links", "--image", "bookworm", "--mount", "all", "--wait"];
    cli.run_successfully(&[&run[..], &["--no-filelog", "--command", line]].concat()).await?;
    let own = files.list_files(&tool, &path("")).await?.entries.len();
    for outside in ["root", "up", "..", "../..", "/", "root/root/up"] {
        let entries = files.list_files(&tool, &path(outside)).await?.entries;
        assert_eq!(entries.len(), own, "{outside} is the home itself: {entries:?}");
    }
    for missing in ["host", "root/etc/passwd", "../other/private", "/proc/self/environ", "up/etc/hostname"] {
        let refused = files.read_file(&tool, &path(missing)).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::NotFound, "no-such-file"), "{missing}");
        assert_eq!(refused.help_text(), Some("hearth files list"), "{missing}");
    }
    // A pipe without a writer does not block, and a folder is no file.
    assert_eq!(files.read_file(&tool, &path("pipe")).await.unwrap_err().code(), "not-a-file");
    assert_eq!(files.read_file(&tool, &path("folder")).await.unwrap_err().code(), "is-folder");

    // A link is deleted, and not the folder that it points to.
    let remove = FileDeleteQuery { path: "root".to_owned(), recursive: true };
    files.delete_file(&tool, &remove).await?;
    assert_eq!(files.list_files(&tool, &path("")).await?.entries.len(), own - 1);
    assert_eq!(files.list_files(&other, &path("")).await?.entries.len(), 1);
    hearth.stop().await
}

/// Announces nine bytes of a file, sends six, and disconnects.
fn send_incomplete_upload(hearth: &Hearth, token: &Secret) -> Result<()> {
    let address = hearth.url().trim_start_matches("http://").to_owned();
    let mut door = TcpStream::connect(&address).map_err(Error::internal)?;
    let head = "PUT /storage/v1/tool/hello/volumes/home/files?path=a/b/data HTTP/1.1\r\nContent-Length: 9";
    let token = token.expose_secret();
    write!(door, "{head}\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\nsecond")
        .map_err(Error::internal)
}

#[tokio::test]
async fn incomplete_upload_changes_nothing() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    let operator = hearth.operator().await?;
    let files = operator.client.storage();
    let tool = operator.create_tool("hello").await?;
    let write = FileWriteQuery { path: "a/b/data".to_owned(), mode: Some("600".to_owned()) };
    let first = files.write_file(&tool, &write, 5, box_body(Full::new("first".into()))).await?;
    assert_eq!((first.size, first.mode.as_str()), (5, "600"));
    // The connection breaks before the announced size has arrived.
    let token = operator.create_token(&[]).await?;
    send_incomplete_upload(&hearth, &token)?;
    wait_until("the former file is alone", async || {
        let entries = files.list_files(&tool, &FileQuery { path: "a/b".to_owned() }).await?.entries;
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        Ok((names == ["data"]).then_some(()))
    })
    .await?;
    let content = files.read_file(&tool, &FileQuery { path: "a/b/data".to_owned() }).await?;
    assert_eq!(content.into_body().collect().await.map_err(Error::internal)?.to_bytes(), "first");

    // Who may only read sees the usage and no file.
    let token = operator.create_token(&["storage:read"]).await?;
    let reader = Client::new(Transport::from_url(hearth.url())?, Arc::new(Bearer(token)));
    assert!(reader.storage().show_home(&tool).await.is_ok());
    let refused = reader.storage().list_files(&tool, &FileQuery::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);

    // The home of a deleted tool is erased, although the tool never had a job.
    let homes = hearth.runtime_state().join("homes");
    let count_homes = || fs::read_dir(&homes).map(Iterator::count).map_err(Error::internal);
    assert_eq!(count_homes()?, 1);
    operator.client.tools().delete(&tool).await?;
    wait_until("the home is erased", async || Ok((count_homes()? == 0).then_some(()))).await?;
    hearth.stop().await
}

#[tokio::test]
async fn upload_beyond_the_quota_of_a_home_is_refused_and_leaves_nothing() -> Result<()> {
    let mut hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    hearth.replace_in_config("[runtime]\n", "[runtime]\nhome_size = \"32Mi\"\nhome_files = 2000\n")?;
    hearth.kill_all().await?;
    hearth.start_missing_processes().await?;
    let operator = hearth.operator().await?;
    let files = operator.client.storage();
    let tool = operator.create_tool("hello").await?;
    let write = FileWriteQuery { path: "data".to_owned(), mode: None };
    let large = vec![1; 40 << 20];
    let refused =
        files.write_file(&tool, &write, 40 << 20, box_body(Full::new(large.into()))).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Exhausted, "home-full"));
    assert!(files.list_files(&tool, &FileQuery::default()).await?.entries.is_empty());
    let home = files.show_home(&tool).await?;
    assert!(home.max_bytes.is_some_and(|most| most <= 32 << 20) && home.used_bytes < 8 << 20, "{home:?}");
    files.write_file(&tool, &write, 4, box_body(Full::new("fits".into()))).await?;
    hearth.stop().await
}
