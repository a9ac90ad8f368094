//! The setup code of the first start, invitations and sessions.

use std::path::Path;

use hearth_base::{Error, ErrorKind, Result, Secret};
use hearth_testkit::{
    Hearth, HearthShape, Person, TEST_PASSWORD, in_every_shape, program_path, send_json_request, wait_until,
};
use hearth_wire::accounts::{
    AuditQuery, InvitationCreate, PasswordChange, PasswordReset, SessionCreate, SessionCreated, TokenCreate,
    UserPatch, UserRegistration,
};
use http::{Method, StatusCode};

async fn setup_code_registers_the_first_operator_once(hearth: Hearth) -> Result<()> {
    let path = hearth.state_folder().join("setup-code");
    let code = std::fs::read_to_string(&path).unwrap();
    let operator = hearth.operator().await?;
    assert!(operator.client.accounts().show_caller().await?.operator);
    assert!(!path.exists());
    let second_use = UserRegistration {
        code: Secret::new(code),
        name: "mallory".parse()?,
        password: Secret::new("a password for tests"),
    };
    let refused = hearth.anonymous()?.accounts().join_with_code(&second_use).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "code-refused"));
    hearth.stop().await
}

async fn withdrawn_invitation_is_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let accounts = operator.client.accounts();
    let create = InvitationCreate { operator: false, note: "for bob".to_owned() };
    let made = accounts.create_invitation(&create).await?;
    assert_eq!(
        accounts.list_invitations(&Default::default()).await?.items,
        std::slice::from_ref(&made.invitation)
    );
    accounts.withdraw_invitation(made.invitation.id).await?;
    let join = UserRegistration {
        code: made.code,
        name: "bob".parse()?,
        password: Secret::new("a password for tests"),
    };
    assert_eq!(
        hearth.anonymous()?.accounts().join_with_code(&join).await.unwrap_err().code(),
        "code-refused"
    );
    Ok(())
}

async fn ended_session_is_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    operator.client.accounts().end_session().await?;
    let refused = wait_until("the session is refused", async || {
        Ok(operator.client.accounts().show_caller().await.err())
    });
    assert_eq!(refused.await?.code(), "credential-refused");
    Ok(())
}

async fn password_change_ends_other_sessions(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let elsewhere = hearth.sign_in(operator.name.clone()).await?;
    let change =
        PasswordChange { current: Secret::new("a password for tests"), new: Secret::new("another password") };
    operator.client.accounts().change_password(&change).await?;
    wait_until("the other session is refused", async || {
        Ok(elsewhere.client.accounts().show_caller().await.err())
    })
    .await?;
    assert!(operator.client.accounts().show_caller().await.is_ok());
    assert_eq!(hearth.sign_in(operator.name.clone()).await.unwrap_err().code(), "wrong-password");
    Ok(())
}

async fn disabled_user_is_refused_at_once_and_the_last_operator_stays_enabled(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let token = hearth.client_with_token(&bob.create_token(&[]).await?)?;
    assert!(token.accounts().show_caller().await.is_ok());
    let disable = UserPatch { disabled: Some(true), operator: None };
    operator.client.accounts().update_user(&bob.name, &disable).await?;
    wait_until("bob's token is refused", async || Ok(token.accounts().show_caller().await.err())).await?;
    assert_eq!(hearth.sign_in(bob.name).await.unwrap_err().code(), "user-disabled");
    let last = operator.client.accounts().update_user(&operator.name, &disable).await.unwrap_err();
    assert_eq!((last.kind(), last.code()), (ErrorKind::Conflict, "last-operator"));
    Ok(())
}

async fn concurrent_demotions_leave_one_operator(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let invited = InvitationCreate { operator: true, note: String::new() };
    let code = operator.client.accounts().create_invitation(&invited).await?.code;
    let second = hearth.register_person("second", code).await?;
    let demote = UserPatch { disabled: None, operator: Some(false) };
    let (one, two) = (operator.client.accounts(), second.client.accounts());
    let (first, other) =
        tokio::join!(one.update_user(&second.name, &demote), two.update_user(&operator.name, &demote));
    assert!(first.is_ok() != other.is_ok(), "{first:?} {other:?}");
    Ok(())
}

async fn password_guesses_for_unknown_names_are_limited(hearth: Hearth) -> Result<()> {
    let guess = SessionCreate { name: "ghost".parse()?, password: Secret::new("guess"), device: None };
    let anonymous = hearth.anonymous()?;
    let attempts = (0..15).map(|_| async {
        anonymous.accounts().create_session(&guess).await.map(drop).unwrap_err().code().to_owned()
    });
    let codes = futures::future::join_all(attempts).await;
    let (limited, attempted): (Vec<_>, Vec<_>) = codes.iter().partition(|code| *code == "sign-in-locked");
    assert_eq!((attempted.len(), limited.len()), (10, 5), "{codes:?}");
    // On a busy machine an attempt may be refused with `sign-in-busy`; it counts as an attempt too.
    assert!(attempted.iter().all(|code| ["wrong-password", "sign-in-busy"].contains(&&***code)), "{codes:?}");
    Ok(())
}

async fn password_guesses_are_limited(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let mut codes = Vec::new();
    for _ in 0..11 {
        codes.push(sign_in_with("guess", &operator, None, &hearth).await.unwrap_err().code().to_owned());
    }
    assert_eq!(codes.pop().as_deref(), Some("sign-in-locked"));
    assert!(codes.iter().all(|code| code == "wrong-password"), "{codes:?}");
    // An existing session stays valid.
    assert!(operator.client.accounts().show_caller().await.is_ok());
    // The audit log names the guesses and their address; of the refusals only the first.
    let query = AuditQuery { refused: true, ..AuditQuery::default() };
    let refused = operator.client.audit().list(&query).await?.items;
    assert_eq!(refused.len(), 11, "{refused:?}");
    assert_eq!(refused[0].refused.as_deref(), Some("sign-in-locked"));
    for entry in &refused {
        assert_eq!((entry.action.as_str(), entry.subject.as_str()), ("session.create", "operator"));
        assert!(entry.client.as_deref().is_some_and(|client| client.starts_with("127.") || client == "::1"));
    }
    Ok(())
}

/// Signs in with a password and the secret of a device, from this machine's loopback address.
async fn sign_in_with(
    password: &str,
    person: &Person,
    device: Option<Secret>,
    hearth: &Hearth,
) -> Result<SessionCreated> {
    let create = SessionCreate { name: person.name.clone(), password: Secret::new(password), device };
    hearth.anonymous()?.accounts().create_session(&create).await
}

async fn known_device_is_not_locked_by_the_guesses_of_others(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let opened = sign_in_with(TEST_PASSWORD, &operator, None, &hearth).await?;
    let device = opened.device.unwrap();
    for _ in 0..11 {
        sign_in_with("guess", &operator, None, &hearth).await.unwrap_err();
    }
    let locked = sign_in_with(TEST_PASSWORD, &operator, None, &hearth).await.unwrap_err();
    assert_eq!((locked.kind(), locked.code()), (ErrorKind::Exhausted, "sign-in-locked"));
    let again = sign_in_with(TEST_PASSWORD, &operator, Some(device.clone()), &hearth).await?;
    assert!(again.device.is_none(), "the device is known already");
    // The device of one user is no device of another, and a wrong secret is none.
    for _ in 0..11 {
        sign_in_with("guess", &bob, Some(device.clone()), &hearth).await.unwrap_err();
    }
    assert_eq!(
        sign_in_with(TEST_PASSWORD, &bob, Some(device.clone()), &hearth).await.unwrap_err().code(),
        "sign-in-locked"
    );
    // A known device guesses no more often than a stranger.
    for _ in 0..10 {
        sign_in_with("guess", &operator, Some(device.clone()), &hearth).await.unwrap_err();
    }
    let locked = sign_in_with(TEST_PASSWORD, &operator, Some(device), &hearth).await.unwrap_err();
    assert_eq!(locked.code(), "sign-in-locked");
    Ok(())
}

async fn sign_in_of_others_names_is_not_locked_by_one_name(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    for _ in 0..11 {
        sign_in_with("guess", &operator, None, &hearth).await.unwrap_err();
    }
    assert!(sign_in_with(TEST_PASSWORD, &bob, None, &hearth).await.is_ok());
    // Guesses elsewhere do not keep a signed-in user from changing the password.
    let change = PasswordChange { current: Secret::new(TEST_PASSWORD), new: Secret::new("another password") };
    operator.client.accounts().change_password(&change).await?;
    Ok(())
}

async fn recovery_code_sets_a_password_once_and_ends_sessions(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let refused = bob.client.accounts().create_recovery_code(&bob.name).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let replaced = operator.client.accounts().create_recovery_code(&bob.name).await?.code;
    let code = operator.client.accounts().create_recovery_code(&bob.name).await?.code;
    let anonymous = hearth.anonymous()?;
    let reset = |code: &Secret| PasswordReset { code: code.clone(), password: Secret::new("a new password") };
    let old = anonymous.accounts().reset_password(&reset(&replaced)).await.unwrap_err();
    assert_eq!((old.kind(), old.code()), (ErrorKind::Forbidden, "code-refused"));
    assert_eq!(anonymous.accounts().reset_password(&reset(&code)).await?.name, bob.name);
    assert_eq!(anonymous.accounts().reset_password(&reset(&code)).await.unwrap_err().code(), "code-refused");
    wait_until("the old session is refused", async || Ok(bob.client.accounts().show_caller().await.err()))
        .await?;
    assert!(sign_in_with("a new password", &bob, None, &hearth).await.is_ok());
    assert_eq!(sign_in_with(TEST_PASSWORD, &bob, None, &hearth).await.unwrap_err().code(), "wrong-password");
    Ok(())
}

async fn nothing_of_a_thief_remains_after_a_recovery(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let tool = bob.create_tool("hello").await?;
    let label = TokenCreate { label: "ci".to_owned(), scopes: None, expires: None };
    let of_tool = bob.client.tools().create_token(&tool, &label).await?;
    let personal = hearth.client_with_token(&bob.create_token(&[]).await?)?;
    let of_operator = hearth.client_with_token(&operator.create_token(&[]).await?)?;
    assert!(personal.accounts().show_caller().await.is_ok());
    let code = operator.client.accounts().create_recovery_code(&bob.name).await?.code;
    let reset = PasswordReset { code, password: Secret::new("a new password") };
    let body = serde_json::to_value(&reset).map_err(Error::internal)?;
    let path = "/accounts/v1/password-reset";
    let (status, answer) = send_json_request(&hearth.anonymous()?, Method::POST, path, Some(&body)).await?;
    assert_eq!(status, StatusCode::OK);
    let info = answer["messages"]["info"].to_string();
    assert!(info.contains("all sessions and 1 personal tokens have ended"), "{answer}");
    wait_until("the session is refused", async || Ok(bob.client.accounts().show_caller().await.err()))
        .await?;
    wait_until("the token is refused", async || Ok(personal.accounts().show_caller().await.err())).await?;
    // The token of the tool stays: runs of others depend on it. So do the tokens of other people.
    let of_tool = hearth.client_with_token(&of_tool.secret)?;
    assert_eq!(of_tool.accounts().show_caller().await?.kind, "tool");
    assert!(of_operator.accounts().show_caller().await.is_ok());
    let opened = sign_in_with("a new password", &bob, None, &hearth).await?;
    let bob = hearth.client_with_token(&opened.secret)?;
    assert!(bob.accounts().list_tokens(&Default::default()).await?.items.is_empty());
    Ok(())
}

async fn changed_password_ends_recovery_codes(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let code = operator.client.accounts().create_recovery_code(&bob.name).await?.code;
    let change = PasswordChange { current: Secret::new(TEST_PASSWORD), new: Secret::new("another password") };
    bob.client.accounts().change_password(&change).await?;
    let reset = PasswordReset { code, password: Secret::new("a new password") };
    let refused = hearth.anonymous()?.accounts().reset_password(&reset).await.unwrap_err();
    assert_eq!(refused.code(), "code-refused");
    Ok(())
}

#[tokio::test]
async fn recovery_on_the_machine_gives_a_password_and_the_rights_of_an_operator() -> Result<()> {
    let hearth = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let recover = async |arguments: &[&str], state: &Path| {
        let mut command = tokio::process::Command::new(program_path("hearthd")?);
        command.arg("recover").args(arguments).arg("--state").arg(state);
        let output = command.output().await.map_err(Error::internal)?;
        let text = [output.stdout, output.stderr].concat();
        Result::Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
    };
    let (succeeded, text) = recover(&["bob", "--operator"], &hearth.state_folder()).await?;
    assert!(succeeded, "{text}");
    assert!(text.contains("next:    hearth password --code-stdin --server http://"), "{text}");
    let code = text.lines().find_map(|line| line.strip_prefix("code:")).unwrap_or_default().trim();
    let reset = PasswordReset { code: Secret::new(code), password: Secret::new("a new password") };
    assert_eq!(hearth.anonymous()?.accounts().reset_password(&reset).await?.name, bob.name);
    assert!(sign_in_with("a new password", &bob, None, &hearth).await?.user.operator);
    // An unknown user, and a folder without a Hearth, which stays empty.
    let (succeeded, text) = recover(&["nobody"], &hearth.state_folder()).await?;
    assert!(!succeeded && text.contains("[no-such-user]"), "{text}");
    assert!(text.contains("name one of the users: bob, operator"), "{text}");
    let empty = tempfile::tempdir().map_err(Error::internal)?;
    let (succeeded, text) = recover(&["bob"], empty.path()).await?;
    assert!(!succeeded && text.contains("[no-hearth]"), "{text}");
    assert_eq!(std::fs::read_dir(empty.path()).map_err(Error::internal)?.count(), 0);
    hearth.stop().await
}

async fn refused_change_is_audited_with_the_address_of_the_client(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let tool = operator.create_tool("hello").await?;
    // A refused read is no refused change.
    bob.client.tools().show(&tool).await.unwrap_err();
    bob.client.tools().delete(&tool).await.unwrap_err();
    let demote = UserPatch { disabled: None, operator: Some(false) };
    bob.client.accounts().update_user(&operator.name, &demote).await.unwrap_err();
    let query = AuditQuery { refused: true, ..AuditQuery::default() };
    let refused = operator.client.audit().list(&query).await?.items;
    let [demoted, deleted] = &refused[..] else { panic!("two refused changes: {refused:?}") };
    assert_eq!(deleted.subject, "DELETE /tools/v1/tool/hello");
    assert_eq!(demoted.subject, "PATCH /accounts/v1/users/operator");
    for entry in &refused {
        assert_eq!((entry.who.as_str(), entry.action.as_str()), ("user bob", "change.refuse"));
        assert_eq!(entry.refused.as_deref(), Some("forbidden"));
        assert!(entry.client.is_some(), "{entry:?}");
    }
    // The owners of the tool see what was tried on it.
    let seen = operator.client.audit().list_for_tool(&tool, &Default::default()).await?.items;
    assert!(seen.iter().any(|entry| entry.id == deleted.id), "{seen:?}");
    Ok(())
}

in_every_shape!(
    setup_code_registers_the_first_operator_once,
    withdrawn_invitation_is_refused,
    ended_session_is_refused,
    password_change_ends_other_sessions,
    disabled_user_is_refused_at_once_and_the_last_operator_stays_enabled,
    concurrent_demotions_leave_one_operator,
    password_guesses_for_unknown_names_are_limited,
    password_guesses_are_limited,
    known_device_is_not_locked_by_the_guesses_of_others,
    sign_in_of_others_names_is_not_locked_by_one_name,
    recovery_code_sets_a_password_once_and_ends_sessions,
    nothing_of_a_thief_remains_after_a_recovery,
    changed_password_ends_recovery_codes,
    refused_change_is_audited_with_the_address_of_the_client,
);
