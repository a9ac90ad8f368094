//! Source credentials: matched by address, sent to their server only, given to builders, and never shown.

use hearth_base::{Access, ErrorKind, PreviewNumber, Result, Role, Secret};
use hearth_kit::db::Db;
use hearth_testkit::{GitServer, on_every_store, wait_until};
use hearth_wire::builds::{
    BuildCreate, BuildCreateQuery, BuildNew, SourceCredential, SourceCredentialPut,
    internal::{BuildClaim, BuildLease, BuildLeaseSource},
};
use http::Method;
use serde_json::json;

use crate::fixture::{
    BuildsFixture, RequestLog, build_success_end, record_requests, rotate_key, start_fixture,
    start_fixture_with,
};

const FORGE_SECRET: &str = "glpat-very-secret";

/// Starts the service with the private repository `secret`, which accepts [`FORGE_SECRET`].
async fn start_private_fixture(db: Db) -> Result<BuildsFixture> {
    let fixture = start_fixture(db).await?;
    add_private_repository(&fixture.git, "secret")?;
    Ok(fixture)
}

fn add_private_repository(git: &GitServer, name: &str) -> Result<()> {
    git.commit_files(name, &[("Procfile", "web: ./serve\n")])?;
    git.access().require_credential(name, "oauth2", FORGE_SECRET);
    Ok(())
}

fn build_put(address: &str, secret: &str) -> SourceCredentialPut {
    SourceCredentialPut { address: address.to_owned(), username: None, secret: Secret::new(secret) }
}

impl BuildsFixture {
    async fn put_credential(&self, name: &str, secret: &str) -> Result<SourceCredential> {
        let put = build_put(&self.git.repository_url(name), secret);
        self.maintainer.builds().put_source_credential(&self.tool, &put).await
    }

    async fn list_credentials(&self) -> Result<Vec<SourceCredential>> {
        self.viewer.builds().list_source_credentials(&self.tool).await
    }

    async fn start_build_of_url(&self, url: &str) -> Result<BuildNew> {
        let create = BuildCreate { source_url: Some(url.to_owned()), ..BuildCreate::default() };
        self.maintainer.builds().start(&self.tool, &create, &BuildCreateQuery::default()).await
    }

    /// Starts a build and leases it.
    async fn lease_build_of(&self, create: BuildCreate) -> Result<BuildLease> {
        self.maintainer.builds().start(&self.tool, &create, &BuildCreateQuery::default()).await?;
        Ok(self.claim_lease().await?.unwrap())
    }
}

/// Lists addresses and secrets of a lease.
fn list_leased(lease: &BuildLease) -> Vec<(&str, &str)> {
    let credentials = lease.source_credentials.iter();
    credentials.map(|credential| (credential.address.as_str(), credential.secret.expose_secret())).collect()
}

async fn private_repository_is_resolved_and_leased_with_its_credential(db: Db) -> Result<()> {
    let fixture = start_private_fixture(db).await?;
    let url = fixture.git.repository_url("secret");
    let refused = fixture.start_build_of_url(&url).await.err().unwrap();
    let command = format!("hearth build credentials set {url}");
    assert!(refused.help_text().unwrap_or_default().contains(&command), "{refused:?}");

    let set = fixture.put_credential("secret.git", FORGE_SECRET).await?;
    assert_eq!((set.address.as_str(), set.username.as_str()), (url.as_str(), "oauth2"));
    let create = BuildCreate { source_url: Some(url.clone()), ..BuildCreate::default() };
    let lease = fixture.lease_build_of(create).await?;
    assert_eq!(list_leased(&lease), [(url.as_str(), FORGE_SECRET)]);
    assert_eq!(lease.source_credentials[0].username, "oauth2");
    let listed = fixture.list_credentials().await?;
    assert!(listed[0].last_used.is_some() && listed[0].last_refusal.is_none(), "{listed:?}");
    fixture.finish_lease(&lease, build_success_end()).await?;

    // A public repository of the same server gets the credentials of the server for its submodules.
    let lease = fixture
        .lease_build_of(BuildCreate {
            source_url: Some(fixture.git.repository_url("hello")),
            ..BuildCreate::default()
        })
        .await?;
    assert_eq!(list_leased(&lease), [(url.as_str(), FORGE_SECRET)]);
    fixture.finish_lease(&lease, build_success_end()).await?;
    let sent = fixture.git.access().list_authorized_paths();
    assert!(!sent.is_empty() && sent.iter().all(|path| path.starts_with("/secret")), "{sent:?}");
    Ok(())
}

async fn refused_credential_is_reported_with_the_next_step(db: Db) -> Result<()> {
    let fixture = start_private_fixture(db).await?;
    let url = fixture.git.repository_url("secret");
    fixture.put_credential("secret", "expired-token").await?;
    let refused = fixture.start_build_of_url(&url).await.err().unwrap();
    assert_eq!(refused.code(), "repository-unreadable");
    assert!(refused.public_message().contains("the server refused the credential"), "{refused:?}");
    assert!(refused.help_text().unwrap_or_default().contains(&format!("credentials set {url}")));
    let listed = fixture.list_credentials().await?;
    assert_eq!(listed[0].last_refusal.map(|refusal| refusal.status), Some(401));
    assert!(listed[0].last_used.is_none(), "{listed:?}");

    // A new one replaces it, and forgets the refusal.
    let replaced = fixture.put_credential("secret", FORGE_SECRET).await?;
    fixture.start_build_of_url(&url).await?;
    let listed = fixture.list_credentials().await?;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].id == replaced.id && listed[0].last_refusal.is_none(), "{listed:?}");
    Ok(())
}

async fn credential_is_sent_to_no_other_address(db: Db) -> Result<()> {
    let other = GitServer::start().await?;
    other.commit_files("secret", &[("Procfile", "web: ./serve\n")])?;
    let fixture = start_fixture_with(db, other.address()).await?;
    add_private_repository(&fixture.git, "secret.git")?;
    let url = fixture.git.repository_url("secret");
    fixture.put_credential("secret", FORGE_SECRET).await?;
    // As GitLab does it.
    fixture.git.access().move_repository("secret", "secret.git");
    fixture.start_build_of_url(&url).await?;

    fixture.git.access().move_repository("secret", "hello");
    let refused = fixture.start_build_of_url(&url).await.err().unwrap();
    assert_eq!(refused.code(), "repository-moved");
    fixture.git.redirect_to(&other.repository_url("secret/info/refs?service=git-upload-pack"));
    let refused = fixture.start_build_of_url(&url).await.err().unwrap();
    assert_eq!(refused.code(), "repository-moved");
    assert!(other.access().list_authorized_paths().is_empty());
    let sent = fixture.git.access().list_authorized_paths();
    assert!(sent.iter().all(|path| path.starts_with("/secret")), "{sent:?}");
    Ok(())
}

async fn mirror_gets_no_credential(db: Db) -> Result<()> {
    let fixture = start_private_fixture(db).await?;
    let mirrored = build_put("https://code.example/other", FORGE_SECRET);
    fixture.maintainer.builds().put_source_credential(&fixture.tool, &mirrored).await?;
    let create = || BuildCreate {
        source_url: Some("https://code.example/team/hello".to_owned()),
        ..BuildCreate::default()
    };
    let lease = fixture.lease_build_of(create()).await?;
    assert!(
        matches!(&lease.source, BuildLeaseSource::Git { mirror: Some(_), .. }),
        "a public source keeps its mirror"
    );
    fixture.finish_lease(&lease, build_success_end()).await?;
    let covering = build_put("https://code.example/team", FORGE_SECRET);
    fixture.maintainer.builds().put_source_credential(&fixture.tool, &covering).await?;
    // There is no such server.
    let url = "https://code.example/team/hello";
    assert_eq!(fixture.start_build_of_url(url).await.err().unwrap().code(), "repository-unreadable");
    assert!(fixture.git.access().list_authorized_paths().is_empty());
    Ok(())
}

async fn preview_gets_the_credential_of_its_source_only(db: Db) -> Result<()> {
    let fixture = start_private_fixture(db).await?;
    add_private_repository(&fixture.git, "library")?;
    fixture.put_credential("library", "of-library").await?;
    fixture.put_credential("secret", FORGE_SECRET).await?;
    let url = fixture.git.repository_url("secret");
    let preview = Some(PreviewNumber::new(7)?);
    let create = BuildCreate { source_url: Some(url.clone()), preview, ..BuildCreate::default() };
    fixture.maintainer.builds().start(&fixture.tool, &create, &BuildCreateQuery::default()).await?;
    let claim = BuildClaim { isolates_previews: true, ..BuildClaim::default() };
    let lease = fixture.claim_lease_with(&claim).await?.unwrap();
    assert_eq!(list_leased(&lease), [(url.as_str(), FORGE_SECRET)]);
    Ok(())
}

async fn hostile_credentials_are_refused(db: Db) -> Result<()> {
    let fixture = start_private_fixture(db).await?;
    let (builds, url) = (fixture.maintainer.builds(), fixture.git.repository_url("secret"));
    let long = "x".repeat(501);
    for (address, secret, code) in [
        ("http://code.example/ada", FORGE_SECRET, "source-address"),
        ("https://code.example", FORGE_SECRET, "source-address"),
        ("https://code.example/ada/../bob", FORGE_SECRET, "source-address"),
        ("https://ada:hunter2@code.example/ada", FORGE_SECRET, "source-address"),
        ("https://code.example/ada\"]", FORGE_SECRET, "source-address"),
        ("git@code.example:ada/secret", FORGE_SECRET, "source-address"),
        (&url, "", "source-secret"),
        (&url, "a\nhost=evil.example", "source-secret"),
        (&url, &long, "source-secret"),
    ] {
        let put = build_put(address, secret);
        let refused = builds.put_source_credential(&fixture.tool, &put).await.err().unwrap();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, code), "{address}");
        assert!(refused.public_messages().all(|message| !message.contains("hunter2")), "{refused:?}");
    }
    let put = SourceCredentialPut { username: Some("a:b".to_owned()), ..build_put(&url, FORGE_SECRET) };
    let refused = builds.put_source_credential(&fixture.tool, &put).await.err().unwrap();
    assert_eq!(refused.code(), "source-username");

    let set = fixture.put_credential("secret", FORGE_SECRET).await?;
    let put = build_put(&url, FORGE_SECRET);
    let viewed = fixture.viewer.builds();
    let refused = viewed.put_source_credential(&fixture.tool, &put).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let refused = viewed.delete_source_credential(&fixture.tool, set.id).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let other = fixture.add_tool("other")?;
    let refused = other.maintainer.builds().delete_source_credential(&other.name, set.id).await;
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::NotFound);
    assert!(other.maintainer.builds().list_source_credentials(&other.name).await?.is_empty());
    builds.delete_source_credential(&fixture.tool, set.id).await?;
    assert!(fixture.list_credentials().await?.is_empty());
    Ok(())
}

async fn tool_has_a_limited_number_of_credentials(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    for number in 0..20 {
        fixture.put_credential(&format!("r{number}"), FORGE_SECRET).await?;
    }
    let refused = fixture.put_credential("r20", FORGE_SECRET).await.err().unwrap();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "source-credentials-full"));
    fixture.put_credential("r7.git", "another").await?;
    assert_eq!(fixture.list_credentials().await?.len(), 20);
    Ok(())
}

async fn secret_is_in_no_answer_and_no_audit_entry(db: Db) -> Result<()> {
    let fixture = start_private_fixture(db).await?;
    let log = RequestLog::default();
    fixture.stand.set_fake_service(Role::Accounts, record_requests(log.clone(), |_| json!({ "data": {} })));
    let path = "/tool/hello/source-credentials";
    let put = json!({"address": fixture.git.repository_url("secret"), "secret": FORGE_SECRET});
    let (status, set) = BuildsFixture::send(&fixture.maintainer, Method::PUT, path, Some(put)).await;
    assert_eq!(status, 200, "{set}");
    let (_, listed) = BuildsFixture::send(&fixture.maintainer, Method::GET, path, None).await;
    let id = set["source_credential"]["id"].as_str().unwrap();
    let deleted =
        BuildsFixture::send(&fixture.maintainer, Method::DELETE, &format!("{path}/{id}"), None).await;
    assert_eq!(deleted.0, 200, "{deleted:?}");
    let sent = wait_until("two entries of the audit log", async || {
        let sent = log.lock().unwrap().join("\n");
        Ok((sent.matches("\"source-credential.").count() == 2).then_some(sent))
    })
    .await?;
    for text in [set.to_string(), listed.to_string(), deleted.1.to_string(), sent] {
        assert!(!text.contains(FORGE_SECRET), "{text}");
    }
    Ok(())
}

async fn credential_survives_a_rotation_of_the_key(db: Db) -> Result<()> {
    let mut fixture = start_private_fixture(db).await?;
    fixture.put_credential("secret", FORGE_SECRET).await?;
    rotate_key(&mut fixture.stand).await?;
    // The client of the former process has the former keys.
    fixture.maintainer = fixture.stand.member(fixture.tool_id, &fixture.tool, Access::Write)?;
    fixture.start_build_of_url(&fixture.git.repository_url("secret")).await?;
    Ok(())
}

on_every_store!(
    private_repository_is_resolved_and_leased_with_its_credential,
    refused_credential_is_reported_with_the_next_step,
    credential_is_sent_to_no_other_address,
    mirror_gets_no_credential,
    preview_gets_the_credential_of_its_source_only,
    hostile_credentials_are_refused,
    tool_has_a_limited_number_of_credentials,
    secret_is_in_no_answer_and_no_audit_entry,
    credential_survives_a_rotation_of_the_key,
);
