//! Tokens from their making to their end.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_token_is_good_until_it_is_revoked() -> Result<(), TokenError> {
    let state = tempfile::tempdir().expect("a folder");
    let name: TokenName = "acme".parse()?;
    let token = make(state.path(), &name, Role::Caller)?;

    let tokens = Tokens::read(state.path())?;
    assert_eq!(tokens.identify(token.reveal()), Some((&name, Role::Caller)));
    assert_eq!(tokens.identify("cfa_00"), None);
    assert_eq!(tokens.identify(""), None);

    revoke(state.path(), &name)?;
    assert_eq!(Tokens::read(state.path())?.identify(token.reveal()), None);
    Ok(())
}

#[test]
fn the_file_holds_no_token_and_is_private() -> Result<(), TokenError> {
    let state = tempfile::tempdir().expect("a folder");
    let token = make(state.path(), &"acme".parse()?, Role::Auditor)?;
    let path = Tokens::path(state.path());
    let text = std::fs::read_to_string(&path).expect("it was written");
    assert!(!text.contains(token.reveal()), "{text}");
    let mode = std::fs::metadata(&path).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(format!("{token:?}"), "Token(…)");
    Ok(())
}

#[test]
fn a_name_stands_for_one_token() -> Result<(), TokenError> {
    let state = tempfile::tempdir().expect("a folder");
    let name: TokenName = "acme".parse()?;
    make(state.path(), &name, Role::Caller)?;
    let again = make(state.path(), &name, Role::Operator);
    assert!(matches!(again, Err(TokenError::Taken(_))));
    let unknown = revoke(state.path(), &"globex".parse()?);
    assert!(matches!(unknown, Err(TokenError::Unknown(_))));
    let listed = list(state.path())?;
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].name, listed[0].role), (&name, Role::Caller));
    Ok(())
}

#[test]
fn the_operators_token_is_made_once() -> Result<(), TokenError> {
    let state = tempfile::tempdir().expect("a folder");
    let read = || std::fs::read_to_string(operator_token_path(state.path())).expect("a token");
    assert!(ensure_operator(state.path())?);
    let first = read();
    assert!(!ensure_operator(state.path())?);
    assert_eq!(read(), first);

    // As after a restore, which brings no tokens.
    std::fs::remove_file(operator_token_path(state.path())).expect("it was there");
    assert!(ensure_operator(state.path())?);
    let tokens = Tokens::read(state.path())?;
    assert_eq!(tokens.identify(first.trim()), None);
    let (_, role) = tokens.identify(read().trim()).expect("the new one is good");
    assert_eq!(role, Role::Operator);
    Ok(())
}

#[test]
fn names_and_files_that_are_none_are_refused() {
    for name in ["", "a b", "a/b", "ä", &"x".repeat(65)] {
        assert!(name.parse::<TokenName>().is_err(), "{name}");
    }
    let state = tempfile::tempdir().expect("a folder");
    for text in [
        "tokens = 1",
        "[tokens.a]\nrole = \"king\"\nhash = \"00\"\nmade-at = 0",
        "[tokens.a]\nrole = \"caller\"\nhash = \"00\"\nmade-at = 0",
        "[token]\n",
    ] {
        std::fs::write(Tokens::path(state.path()), text).expect("written");
        let refusal = Tokens::read(state.path()).err().expect(text);
        assert!(refusal.to_string().contains("tokens.toml"), "{refusal}");
    }
}

#[test]
fn a_revoked_token_of_the_operator_is_replaced_and_another_of_its_name_is_kept()
-> Result<(), TokenError> {
    let state = tempfile::tempdir().expect("a folder");
    let path = operator_token_path(state.path());
    let held = || std::fs::read_to_string(&path).expect("it was written");
    assert!(ensure_operator(state.path())?);
    let first = held();
    assert!(!ensure_operator(state.path())?, "it is good");

    let operator: TokenName = OPERATOR.parse()?;
    revoke(state.path(), &operator)?;
    assert!(ensure_operator(state.path())?);
    let second = held();
    assert_ne!(first, second);

    revoke(state.path(), &operator)?;
    let own = make(state.path(), &operator, Role::Operator)?;
    assert!(!ensure_operator(state.path())?);
    assert_eq!(held(), second);
    assert!(Tokens::read(state.path())?.identify(own.reveal()).is_some());
    Ok(())
}
