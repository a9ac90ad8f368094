//! Tests of deploy tokens.

use hearth_base::{Entropy, MandateId, ToolRole};
use hearth_kit::{config::HearthConfig, db::Db, vault::Vault};
use hearth_testkit::on_every_store;

use super::*;
use crate::{
    app::mandates,
    context::test_context::{build_test_context, insert_maintainer},
    store::{Mandate, MandateCredential},
};

/// Creates the deploy token of a tool, and a mandate that was given with it.
async fn insert_token_and_mandate(
    cx: &AccountsContext,
    actor: &RequestActor,
    tool: &StoredTool,
    user: UserId,
) -> Result<(StoredDeployToken, MandateId)> {
    let manager = TokenManager { tool: tool.id, user, token: None };
    let tx = cx.store.begin().await?;
    let token = insert_token(cx, &tx, actor, tool, &manager, "deploy-token.create").await?;
    let mandate = Mandate {
        id: MandateId::new(actor.now, &Entropy::System),
        holder: Role::Components,
        tool: tool.id,
        user: None,
        giver_credential: MandateCredential::Token(token.id),
        parent: None,
        scopes: list_scopes(),
        cause: "deployment".to_owned(),
        created: actor.now,
        expires: actor.now + jiff::SignedDuration::from_hours(1),
        ended: None,
    };
    cx.store.insert_mandate(&tx, &mandate).await?;
    tx.commit().await?;
    Ok((token, mandate.id))
}

async fn deployment_of_a_deploy_token_ends_with_the_right_of_its_owner(db: Db) -> Result<()> {
    let (cx, _stand) = build_test_context(db, HearthConfig::default()).await?;
    cx.vault.load_keys(&[])?;
    let (user, tool) = insert_maintainer(&cx, None).await?;
    let actor = cx.build_system_actor();
    let (token, mandate) = insert_token_and_mandate(&cx, &actor, &tool, user.id).await?;
    let sign = async |mandate: MandateId, audience: Role| {
        mandates::sign_mandate(&cx, &actor, Role::Components, mandate, audience).await
    };
    assert_eq!(sign(mandate, Role::Jobs).await?.tool, tool.name);
    assert_eq!(sign(mandate, Role::Builds).await?.tool, tool.name);
    assert_eq!(sign(mandate, Role::Envvars).await.unwrap_err().code(), "mandate-scope");
    let value = render_token(&cx, &token).await?.token.ok_or_else(|| Error::internal("unreadable"))?;
    assert_eq!(find_usable_token(&cx, &value, Some("hello")).await?.1, token.id);
    let tx = cx.store.begin().await?;
    cx.store.set_member(&tx, tool.id, user.id, ToolRole::Viewer, actor.now).await?;
    tx.commit().await?;
    assert_eq!(sign(mandate, Role::Jobs).await.unwrap_err().code(), "deploy-token-suspended");
    assert_eq!(sign(mandate, Role::Jobs).await.unwrap_err().code(), "mandate-ended");
    let refused = find_usable_token(&cx, &value, Some("hello")).await.unwrap_err();
    assert_eq!(refused.code(), "deploy-token-suspended");
    // A replaced token ends what the former one started.
    let tx = cx.store.begin().await?;
    cx.store.set_member(&tx, tool.id, user.id, ToolRole::Maintainer, actor.now).await?;
    tx.commit().await?;
    let (_, second) = insert_token_and_mandate(&cx, &actor, &tool, user.id).await?;
    insert_token_and_mandate(&cx, &actor, &tool, user.id).await?;
    assert_eq!(sign(second, Role::Jobs).await.unwrap_err().code(), "mandate-lost");
    Result::Ok(())
}

async fn deploy_token_without_its_key_is_valid_and_not_shown(db: Db) -> Result<()> {
    let (cx, stand) = build_test_context(db, HearthConfig::default()).await?;
    cx.vault.load_keys(&[])?;
    let (user, tool) = insert_maintainer(&cx, None).await?;
    let actor = cx.build_system_actor();
    let (token, _) = insert_token_and_mandate(&cx, &actor, &tool, user.id).await?;
    let value = render_token(&cx, &token).await?.token.ok_or_else(|| Error::internal("unreadable"))?;
    std::fs::remove_file(stand.kit.state.keys_folder().join("accounts.values")).map_err(Error::internal)?;
    let mut restarted = cx.clone();
    restarted.vault = Vault::new(Role::Accounts, &stand.kit.state);
    restarted.vault.load_keys(&[])?;
    assert!(render_token(&restarted, &token).await?.token.is_none());
    find_usable_token(&restarted, &value, Some("hello")).await.map(|_| ())
}

on_every_store!(
    deployment_of_a_deploy_token_ends_with_the_right_of_its_owner,
    deploy_token_without_its_key_is_valid_and_not_shown,
);
