//! Mail addresses of users, which only the users themselves set, confirm and read.

use hearth_base::{ErrorKind, Result, Secret};
use hearth_testkit::{
    Hearth, HearthShape, MailServer, Person, TEST_PASSWORD, in_every_shape, send_json_request, wait_until,
};
use hearth_wire::{
    accounts::{
        MailAddress, MailAddressChange, MailAddressConfirmation, PasswordReset, RecoveryMailRequest,
        TokenCreate,
    },
    reply::Paging,
};
use http::{Method, StatusCode};
use serde_json::json;

fn build_address(text: &str) -> MailAddress {
    MailAddress { address: text.parse().ok(), pending: None }
}

fn build_change(text: &str) -> MailAddressChange {
    MailAddressChange { address: text.parse().ok(), password: Some(Secret::new(TEST_PASSWORD)) }
}

/// Sets the address of a person and enters the mailed code, the newest of `count` mails.
async fn confirm_address(person: &Person, server: &MailServer, count: usize, address: &str) -> Result<()> {
    let calls = person.client.accounts();
    calls.update_email(&build_change(address)).await?;
    let code = read_mailed_word(server, count, address, "and enter the code").await?;
    calls.confirm_email(&MailAddressConfirmation { code: Secret::new(code) }).await?;
    Ok(())
}

/// Reads the word after `before` in the newest mail to an address, once there are `count` mails.
async fn read_mailed_word(server: &MailServer, count: usize, to: &str, before: &str) -> Result<String> {
    let mails = wait_until("the mail arrives", async || {
        Ok(Some(server.read_mails()?).filter(|mails| mails.len() >= count))
    });
    let mail = mails.await?.pop().unwrap();
    assert!(mail.contains(to), "{mail}");
    // Long lines are broken with `=` (RFC 2045, section 6.7).
    let text = mail.replace("=\r\n", "").replace("=\n", "");
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before:?} is missing: {text}"));
    Ok(rest.split_whitespace().next().unwrap_or_default().to_owned())
}

async fn start_with_mail() -> Result<(Hearth, MailServer, Person, Person)> {
    let server = MailServer::start().await?;
    let shape = HearthShape::TOGETHER_ON_FILES;
    let hearth = Hearth::start_with(shape, &server.build_configuration()).await?;
    let operator = hearth.operator().await?;
    let ada = hearth.invite_person(&operator, "ada").await?;
    Ok((hearth, server, operator, ada))
}

#[tokio::test]
async fn mail_address_is_used_once_its_code_is_entered() -> Result<()> {
    let (hearth, server, operator, ada) = start_with_mail().await?;
    let calls = ada.client.accounts();
    let tool = "hers".parse()?;
    ada.create_tool("hers").await?;
    let pending = calls.update_email(&build_change("ada@example.org")).await?;
    assert_eq!(pending, MailAddress { address: None, pending: "ada@example.org".parse().ok() });
    assert!(ada.client.notify().show_mail_settings(&tool).await?.recipients.is_empty());
    // A stolen token would become the account, because recovery mails go to the address.
    let with_token = hearth.client_with_token(&ada.create_token(&[]).await?)?;
    let refused = with_token.accounts().update_email(&build_change("eve@example.org")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "session-needed"));
    let code = read_mailed_word(&server, 1, "ada@example.org", "and enter the code").await?;
    let confirm = |code: &str| MailAddressConfirmation { code: Secret::new(code) };
    let wrong = calls.confirm_email(&confirm("ABCD-EFGH-JKLM")).await.unwrap_err();
    assert_eq!((wrong.kind(), wrong.code()), (ErrorKind::Forbidden, "code-refused"));
    // The code of one is none of another.
    let other = operator.client.accounts().confirm_email(&confirm(&code)).await.unwrap_err();
    assert_eq!(other.code(), "code-refused");
    let confirmed = calls.confirm_email(&confirm(&code.to_lowercase())).await?;
    assert_eq!(confirmed, build_address("ada@example.org"));
    assert_eq!(calls.confirm_email(&confirm(&code)).await.unwrap_err().code(), "code-refused");
    let settings = ada.client.notify().show_mail_settings(&tool).await?;
    assert_eq!((settings.recipients.as_slice(), settings.sends), (&["ada".parse()?][..], true));
    // A change leaves the confirmed address in use until the new one is confirmed.
    let changed = calls.update_email(&build_change("ada@example.net")).await?;
    assert_eq!(changed.address, confirmed.address);
    // One user floods no address: after three codes within a quarter of an hour no more are mailed.
    calls.update_email(&build_change("ada@example.net")).await?;
    let refused = calls.update_email(&build_change("ada@example.net")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Exhausted, "too-many-codes"));
    assert_eq!(calls.update_email(&build_change("")).await?, MailAddress::default());
    assert!(ada.client.notify().show_mail_settings(&tool).await?.recipients.is_empty());
    hearth.stop().await
}

#[tokio::test]
async fn recovery_mail_goes_only_to_a_confirmed_address() -> Result<()> {
    let (hearth, server, _, ada) = start_with_mail().await?;
    let (calls, anonymous) = (ada.client.accounts(), hearth.anonymous()?);
    calls.update_email(&build_change("ada@example.org")).await?;
    let code = read_mailed_word(&server, 1, "ada@example.org", "and enter the code").await?;
    let ask = |name: &str| RecoveryMailRequest { name: name.parse().unwrap() };
    // The answer is the same for a user without a confirmed address and for nobody.
    for name in ["ada", "ghost"] {
        anonymous.accounts().request_recovery_mail(&ask(name)).await?;
    }
    calls.confirm_email(&MailAddressConfirmation { code: Secret::new(code) }).await?;
    anonymous.accounts().request_recovery_mail(&ask("ada")).await?;
    let code = read_mailed_word(&server, 2, "ada@example.org", "and enter the code").await?;
    let reset = PasswordReset { code: Secret::new(code), password: Secret::new("a new password") };
    assert_eq!(anonymous.accounts().reset_password(&reset).await?.name, ada.name);
    assert_eq!(server.read_mails()?.len(), 2, "one code for the address, one for the password");
    hearth.stop().await
}

/// The session may be stolen: the recovery mails would go to the thief.
#[tokio::test]
async fn mail_address_is_changed_only_with_the_password_and_the_former_one_gets_a_notice() -> Result<()> {
    let (hearth, server, _, ada) = start_with_mail().await?;
    let calls = ada.client.accounts();
    confirm_address(&ada, &server, 1, "ada@example.org").await?;
    // A client of release 0.1.0 sends no password.
    for body in [json!({ "address": "eve@example.org" }), json!({}), json!({ "address": null })] {
        let (status, answer) =
            send_json_request(&ada.client, Method::PUT, "/accounts/v1/me/email", Some(&body)).await?;
        assert_eq!((status, answer["code"].as_str()), (StatusCode::BAD_REQUEST, Some("password-needed")));
    }
    let wrong = MailAddressChange {
        address: "eve@example.org".parse().ok(),
        password: Some(Secret::new("a guess of the thief")),
    };
    let refused = calls.update_email(&wrong).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "wrong-password"));
    assert_eq!(calls.show_email().await?, build_address("ada@example.org"));
    confirm_address(&ada, &server, 2, "ada@example.net").await?;
    let notice = read_mailed_word(&server, 3, "ada@example.org", "The mail address of").await?;
    assert_eq!(notice, "ada");
    assert!(!server.read_mails()?.pop().unwrap().contains("ada@example.net"), "it names the new address");
    calls.update_email(&build_change("")).await?;
    read_mailed_word(&server, 4, "ada@example.net", "was changed or removed").await?;
    // Ten guesses with a stolen session lock its further ones.
    for _ in 0..10 {
        assert_eq!(calls.update_email(&wrong).await.unwrap_err().code(), "wrong-password");
    }
    assert_eq!(calls.update_email(&wrong).await.unwrap_err().code(), "sign-in-locked");
    hearth.stop().await
}

/// Anybody may request a recovery mail.
#[tokio::test]
async fn recovery_mail_displaces_no_code_of_an_operator() -> Result<()> {
    let (hearth, server, operator, ada) = start_with_mail().await?;
    let anonymous = hearth.anonymous()?;
    confirm_address(&ada, &server, 1, "ada@example.org").await?;
    let of_operator = operator.client.accounts().create_recovery_code(&ada.name).await?.code;
    let request = RecoveryMailRequest { name: ada.name.clone() };
    anonymous.accounts().request_recovery_mail(&request).await?;
    let mailed = read_mailed_word(&server, 2, "ada@example.org", "and enter the code").await?;
    anonymous.accounts().request_recovery_mail(&request).await?;
    let newer = read_mailed_word(&server, 3, "ada@example.org", "and enter the code").await?;
    let reset = |code: Secret| PasswordReset { code, password: Secret::new("a new password") };
    // A mailed code replaces the mailed one before it.
    let refused = anonymous.accounts().reset_password(&reset(Secret::new(mailed))).await.unwrap_err();
    assert_eq!(refused.code(), "code-refused");
    assert_eq!(anonymous.accounts().reset_password(&reset(of_operator)).await?.name, ada.name);
    // The new password ends the codes of every origin.
    let refused = anonymous.accounts().reset_password(&reset(Secret::new(newer))).await.unwrap_err();
    assert_eq!(refused.code(), "code-refused");
    // Nor does an operator displace a mailed code.
    anonymous.accounts().request_recovery_mail(&request).await?;
    let mailed = read_mailed_word(&server, 4, "ada@example.org", "and enter the code").await?;
    operator.client.accounts().create_recovery_code(&ada.name).await?;
    assert_eq!(anonymous.accounts().reset_password(&reset(Secret::new(mailed))).await?.name, ada.name);
    hearth.stop().await
}

async fn mail_address_is_visible_to_its_owner_only(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ada = hearth.invite_person(&operator, "ada").await?;
    assert_eq!(ada.client.accounts().show_email().await?, MailAddress::default());
    // This Hearth has no mail server, so nothing can be confirmed.
    let email = build_change("ada@example.org");
    assert_eq!(ada.client.accounts().update_email(&email).await.unwrap_err().code(), "no-mail-server");
    assert_eq!(ada.client.accounts().show_email().await?.address, None);
    assert_eq!(operator.client.accounts().show_email().await?, MailAddress::default());
    // Neither the list of users nor the audit log contains the address.
    for path in ["/accounts/v1/users", "/accounts/v1/audit"] {
        let (status, answer) = send_json_request(&operator.client, Method::GET, path, None).await?;
        assert_eq!(status, StatusCode::OK);
        assert!(answer.to_string().contains("ada") && !answer.to_string().contains("ada@"), "{answer}");
    }
    for wrong in ["ada", "ada@b\r\nBcc: c@d", "a@b, c@d", "<a@b>", ""] {
        let body = json!({ "address": wrong, "password": TEST_PASSWORD });
        let (status, _) =
            send_json_request(&ada.client, Method::PUT, "/accounts/v1/me/email", Some(&body)).await?;
        assert!(matches!(status.as_u16(), 400 | 422), "{wrong:?}: {status}");
    }
    // Credentials with fewer rights than the user cannot read it.
    let narrow = hearth.client_with_token(&ada.create_token(&["*:read"]).await?)?;
    assert_eq!(narrow.accounts().show_email().await.unwrap_err().kind(), ErrorKind::Forbidden);
    let tool = "hers".parse()?;
    ada.create_tool("hers").await?;
    let label = TokenCreate { label: "bot".to_owned(), scopes: None, expires: None };
    let bot = hearth.client_with_token(&ada.client.tools().create_token(&tool, &label).await?.secret)?;
    assert_eq!(bot.accounts().show_email().await.unwrap_err().kind(), ErrorKind::Forbidden);
    let id = ada.client.tools().show(&tool).await?.id;
    let refused =
        operator.client.accounts_internal().list_mail_recipients(id, &Paging::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let settings = ada.client.notify().show_mail_settings(&tool).await?;
    assert!(!settings.sends && settings.recipients.is_empty(), "{settings:?}");
    hearth.stop().await
}

in_every_shape!(mail_address_is_visible_to_its_owner_only);
