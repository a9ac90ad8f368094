//! The setup code of the first start, invitations and sessions.

use hearth_base::{ErrorKind, Result, Secret};
use hearth_testkit::{Hearth, in_every_shape, wait_until};
use hearth_wire::accounts::{InvitationCreate, PasswordChange, SessionCreate, UserPatch, UserRegistration};

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
    let guess = SessionCreate { name: "ghost".parse()?, password: Secret::new("guess") };
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
    let guess = SessionCreate { name: operator.name.clone(), password: Secret::new("guess") };
    let mut codes = Vec::new();
    for _ in 0..11 {
        let refused = hearth.anonymous()?.accounts().create_session(&guess).await.unwrap_err();
        codes.push(refused.code().to_owned());
    }
    assert_eq!(codes.pop().as_deref(), Some("sign-in-locked"));
    assert!(codes.iter().all(|code| code == "wrong-password"), "{codes:?}");
    // An existing session stays valid.
    assert!(operator.client.accounts().show_caller().await.is_ok());
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
);
