//! The first start, invitations, sessions.

use hearth_base::{Kind, Result, Secret};
use hearth_testkit::{Hearth, in_every_shape, until};
use hearth_wire::accounts::{InvitationCreate, Join, PasswordChange, SessionCreate, UserPatch};

async fn the_first_operator_comes_in_with_the_code_and_it_is_good_once(hearth: Hearth) -> Result<()> {
    let path = hearth.state().join("setup-code");
    let code = std::fs::read_to_string(&path).unwrap();
    let operator = hearth.operator().await?;
    assert!(operator.client.accounts().me().await?.operator);
    assert!(!path.exists());
    let again = Join {
        code: Secret::new(code),
        name: "mallory".parse()?,
        password: Secret::new("a password for tests"),
    };
    let refused = hearth.nobody()?.accounts().join(&again).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Forbidden, "code-refused"));
    hearth.stop().await
}

async fn an_invitation_can_be_withdrawn(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let accounts = operator.client.accounts();
    let create = InvitationCreate { operator: false, note: "for bob".to_owned() };
    let made = accounts.invitation_create(&create).await?;
    assert_eq!(
        accounts.invitation_list(&Default::default()).await?.items,
        std::slice::from_ref(&made.invitation)
    );
    accounts.invitation_withdraw(made.invitation.id).await?;
    let join = Join { code: made.code, name: "bob".parse()?, password: Secret::new("a password for tests") };
    assert_eq!(hearth.nobody()?.accounts().join(&join).await.unwrap_err().code(), "code-refused");
    Ok(())
}

async fn a_session_that_was_ended_is_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    operator.client.accounts().session_end().await?;
    let refused = until("the session is refused", async || Ok(operator.client.accounts().me().await.err()));
    assert_eq!(refused.await?.code(), "credential-refused");
    Ok(())
}

async fn a_new_password_ends_other_sessions(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let elsewhere = hearth.sign_in(operator.name.clone()).await?;
    let change =
        PasswordChange { current: Secret::new("a password for tests"), new: Secret::new("another password") };
    operator.client.accounts().password_change(&change).await?;
    until("the other session is refused", async || Ok(elsewhere.client.accounts().me().await.err())).await?;
    assert!(operator.client.accounts().me().await.is_ok());
    assert_eq!(hearth.sign_in(operator.name.clone()).await.unwrap_err().code(), "wrong-password");
    Ok(())
}

async fn a_disabled_user_is_out_at_once_and_the_last_operator_stays(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.person(&operator, "bob").await?;
    let token = hearth.showing(&bob.token(&[]).await?)?;
    assert!(token.accounts().me().await.is_ok());
    let disable = UserPatch { disabled: Some(true), operator: None };
    operator.client.accounts().user_patch(&bob.name, &disable).await?;
    until("bob's token is refused", async || Ok(token.accounts().me().await.err())).await?;
    assert_eq!(hearth.sign_in(bob.name).await.unwrap_err().code(), "user-disabled");
    let last = operator.client.accounts().user_patch(&operator.name, &disable).await.unwrap_err();
    assert_eq!((last.kind(), last.code()), (Kind::Conflict, "last-operator"));
    Ok(())
}

async fn two_operators_cannot_send_each_other_away(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let invited = InvitationCreate { operator: true, note: String::new() };
    let code = operator.client.accounts().invitation_create(&invited).await?.code;
    let second = hearth.join("second", code).await?;
    let demote = UserPatch { disabled: None, operator: Some(false) };
    let (one, two) = (operator.client.accounts(), second.client.accounts());
    let (first, other) =
        tokio::join!(one.user_patch(&second.name, &demote), two.user_patch(&operator.name, &demote));
    assert!(first.is_ok() != other.is_ok(), "{first:?} {other:?}");
    Ok(())
}

async fn guesses_count_for_names_that_nobody_has(hearth: Hearth) -> Result<()> {
    let guess = SessionCreate { name: "ghost".parse()?, password: Secret::new("guess") };
    let nobody = hearth.nobody()?;
    let tries = (0..15).map(|_| async {
        nobody.accounts().session_create(&guess).await.map(drop).unwrap_err().code().to_owned()
    });
    let codes = futures::future::join_all(tries).await;
    let (rests, tried): (Vec<_>, Vec<_>) = codes.iter().partition(|code| *code == "sign-in-rest");
    assert_eq!((tried.len(), rests.len()), (10, 5), "{codes:?}");
    // On a machine with much else to do, one may not get its turn; it counts as well.
    assert!(tried.iter().all(|code| ["wrong-password", "sign-in-busy"].contains(&&***code)), "{codes:?}");
    Ok(())
}

async fn guessing_passwords_ends_in_a_rest(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let guess = SessionCreate { name: operator.name.clone(), password: Secret::new("guess") };
    let mut codes = Vec::new();
    for _ in 0..11 {
        let refused = hearth.nobody()?.accounts().session_create(&guess).await.unwrap_err();
        codes.push(refused.code().to_owned());
    }
    assert_eq!(codes.pop().as_deref(), Some("sign-in-rest"));
    assert!(codes.iter().all(|code| code == "wrong-password"), "{codes:?}");
    // Whoever has signed in stays so.
    assert!(operator.client.accounts().me().await.is_ok());
    Ok(())
}

in_every_shape!(
    the_first_operator_comes_in_with_the_code_and_it_is_good_once,
    an_invitation_can_be_withdrawn,
    a_session_that_was_ended_is_refused,
    a_new_password_ends_other_sessions,
    a_disabled_user_is_out_at_once_and_the_last_operator_stays,
    two_operators_cannot_send_each_other_away,
    guesses_count_for_names_that_nobody_has,
    guessing_passwords_ends_in_a_rest,
);
