//! From the text of a guest to the bytes of a component.

use anyhow::{Context as _, Result};

use crate::guests;

/// Makes a component of a guest's text.
///
/// A text that is a component is one as it stands. A core module is wrapped; one without `(module`
/// around it gets what `guests` gives: every host function by its short name, `@‹text›`, and helpers.
/// `«text×7»` stands for seven times the text, in which `№` is the number of the copy.
pub fn component(text: &str, manifest: Option<&str>) -> Result<Vec<u8>> {
    let text = repeated(text)?;
    let code = text
        .lines()
        .find(|line| !line.is_empty() && !line.starts_with(";;"))
        .unwrap_or_default();
    let component = if code.starts_with("(component") {
        wat::parse_str(&text)?
    } else if code.starts_with("(module") {
        guests::wrap(wat::parse_str(&text)?, false)
    } else {
        guests::encode(&text)
    };
    Ok(match manifest {
        Some(manifest) => guests::with_section(component, manifest.as_bytes()),
        None => component,
    })
}

fn repeated(text: &str) -> Result<String> {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('«') {
        let (repeat, after) = after.split_once('»').context("a « has no »")?;
        let (copy, times) = repeat.rsplit_once('×').context("a « » has no ×")?;
        let times: usize = times.parse().context("how often")?;
        whole.push_str(before);
        if copy.contains('№') {
            (0..times).for_each(|number| whole.push_str(&copy.replace('№', &number.to_string())));
        } else {
            whole.push_str(&copy.repeat(times));
        }
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

#[test]
fn what_is_repeated_is_numbered() -> Result<()> {
    assert_eq!(repeated("a «b№ ×3»c «d×2»")?, "a b0 b1 b2 c dd");
    assert!(repeated("«a").is_err() && repeated("«a»").is_err() && repeated("«a×b»").is_err());
    Ok(())
}
