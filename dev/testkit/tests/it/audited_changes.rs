//! Changes of the build service in the audit log.

use hearth_base::{PageLimit, Result};
use hearth_testkit::{Hearth, in_every_shape, wait_until};
use hearth_wire::{
    accounts::{AuditEntry, AuditQuery},
    builds::{PackageSourceAccess, PackageSourcePut},
    reply::Paging,
};

async fn changes_of_package_sources_are_in_the_audit_log(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ada = hearth.invite_person(&operator, "ada").await?;
    let tool = ada.create_tool("pond").await?;
    let (builds, name) = (operator.client.builds(), "debian-pond".parse()?);
    let put = PackageSourcePut {
        file: "Types: deb\nURIs: http://pond.example\nSuites: stable\nComponents: main\n".to_owned(),
        key: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQABBA==\n-----END PGP PUBLIC KEY BLOCK-----\n"
            .to_owned(),
        access: PackageSourceAccess::Granted,
        overrides_debian: false,
    };
    builds.put_package_source(&name, &put).await?;
    builds.grant_package_source(&tool, &name).await?;
    let find_entry = async |action: &str| -> Result<AuditEntry> {
        let query = AuditQuery { action: Some(action.to_owned()), ..AuditQuery::default() };
        let entries = wait_until("the entry", async || {
            let listed = operator.client.audit().list(&query).await?.items;
            Ok(Some(listed).filter(|listed| !listed.is_empty()))
        });
        let mut entries = entries.await?;
        assert_eq!(entries.len(), 1, "{entries:?}");
        Ok(entries.remove(0))
    };
    let added = find_entry("package-source.add").await?;
    let granted = find_entry("package-source.grant").await?;
    for entry in [&added, &granted] {
        assert!(entry.who.starts_with("user ") && entry.client.is_some(), "{entry:?}");
        assert!(entry.subject.starts_with("debian-pond"), "{entry:?}");
    }
    // The members of the tool see what was changed for it.
    assert_eq!((added.tool, granted.tool.as_deref()), (None, Some("pond")));
    let paging = Paging { limit: PageLimit::new(10)?, cursor: None };
    let listed = ada.client.audit().list_for_tool(&tool, &paging).await?.items;
    assert!(listed.iter().any(|entry| entry.id == granted.id), "{listed:?}");
    Ok(())
}

in_every_shape!(changes_of_package_sources_are_in_the_audit_log);
