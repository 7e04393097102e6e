//! What a manifest may say.

use std::collections::BTreeSet;

use semver::Version;
use toml::de::DeTable;

use super::reader::{Located, Spot, Table, nearest, syntax_error};
use super::{
    Build, Capabilities, Identity, Kind, Manifest, ManifestError, Messages, Problem, StateSchema,
};
use crate::solidity::interface_name;
use crate::{Limits, Message};

const MAX_MANIFEST_BYTES: usize = 256 << 10;
const MAX_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 300;
const MAX_LIST: usize = 64;

pub(super) fn manifest(text: &str) -> Result<Manifest, ManifestError> {
    if text.len() > MAX_MANIFEST_BYTES {
        let message = format!(
            "{} bytes are more than the {MAX_MANIFEST_BYTES} that are read",
            text.len()
        );
        return Err(syntax_error(text, &message, None));
    }
    let document =
        DeTable::parse(text).map_err(|error| syntax_error(text, error.message(), error.span()))?;
    let root = Table::root(text, document.get_ref());
    root.only(&[
        "cryptlet",
        "build",
        "capabilities",
        "state",
        "limits",
        "messages",
    ])?;

    let section = root
        .table("cryptlet")?
        .ok_or_else(|| root.missing("cryptlet"))?;
    let cryptlet = identity(&section)?;
    let kind = cryptlet.kind;
    let capabilities = match root.table("capabilities")? {
        Some(table) => capabilities(&table, kind)?,
        None => Capabilities::default(),
    };
    let build = match root.table("build")? {
        Some(table) => build(&table, &capabilities)?,
        None => Build::default(),
    };
    let state = match root.table("state")? {
        Some(table) => Some(state(&table, &capabilities)?),
        None => capabilities.state.then(StateSchema::default),
    };
    let limits = match root.table("limits")? {
        Some(table) => limits(&table, &capabilities)?,
        None => Limits::default(),
    };
    let messages = match root.table("messages")? {
        Some(table) => messages(&table, &cryptlet, &capabilities)?,
        None if kind == Kind::Utility => return Err(root.missing("messages")),
        None => Messages::default(),
    };
    Ok(Manifest {
        cryptlet,
        build,
        capabilities,
        state,
        limits,
        messages,
    })
}

fn identity(table: &Table<'_>) -> Result<Identity, ManifestError> {
    table.only(&["name", "version", "kind", "description"])?;
    let name = table.required_text("name")?;
    label(&name)?;

    let version = table.required_text("version")?;
    if version.value.len() > MAX_NAME {
        return Err(version.spot.error(
            Problem::BadValue,
            format!("a version of {} letters is too long", version.value.len()),
            format!("write at most {MAX_NAME}"),
        ));
    }
    let version = Version::parse(&version.value).map_err(|error| {
        version.spot.error(
            Problem::BadValue,
            format!("`{}` is not a semantic version: {error}", version.value),
            "write it as \"1.0.0\"",
        )
    })?;

    let kind = table.required_text("kind")?;
    let kind = match kind.value.as_str() {
        "contract" => Kind::Contract,
        "utility" => Kind::Utility,
        other => {
            let remedy = match nearest(other, &["contract", "utility"]) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => "write \"contract\" or \"utility\"".into(),
            };
            let reason = format!("`{other}` is not a kind of cryptlet");
            return Err(kind.spot.error(Problem::BadValue, reason, remedy));
        }
    };

    let description = table.required_text("description")?;
    let length = description.value.chars().count();
    if description.value.trim().is_empty() || length > MAX_DESCRIPTION {
        return Err(description.spot.error(
            Problem::BadValue,
            format!("a description is not blank and has at most {MAX_DESCRIPTION} characters"),
            "say in one line what the cryptlet does",
        ));
    }
    if let Some(odd) = description
        .value
        .chars()
        .find(|c| c.is_control() || is_directional(*c))
    {
        return Err(description.spot.error(
            Problem::BadValue,
            format!("the description holds the control character {odd:?}"),
            "write it in one line of plain text",
        ));
    }
    Ok(Identity {
        name: name.value,
        version,
        kind,
        description: description.value,
    })
}

fn capabilities(table: &Table<'_>, kind: Kind) -> Result<Capabilities, ManifestError> {
    table.only(&[
        "ledger",
        "sources",
        "events",
        "state",
        "http",
        "keychain",
        "log",
        "wasi",
        "directories",
    ])?;
    let capabilities = Capabilities {
        ledger: table.flag("ledger")?,
        sources: labels(table, "sources")?,
        events: table.flag("events")?,
        state: table.flag("state")?,
        http: table.flag("http")?,
        keychain: labels(table, "keychain")?,
        log: table.flag("log")?,
        wasi: table.flag("wasi")?,
        directories: labels(table, "directories")?,
    };
    let refused = match kind {
        Kind::Contract if capabilities.http => Some((
            "http",
            "a contract cryptlet cannot fetch",
            "move the fetching to a utility cryptlet and name it in capabilities.sources",
        )),
        Kind::Contract if !capabilities.directories.is_empty() => Some((
            "directories",
            "a contract cryptlet cannot read files",
            "move the reading to a utility cryptlet and name it in capabilities.sources",
        )),
        Kind::Utility if capabilities.ledger => Some((
            "ledger",
            "a utility cryptlet cannot write to a ledger",
            "remove it, or make the kind \"contract\"",
        )),
        Kind::Utility if !capabilities.sources.is_empty() => Some((
            "sources",
            "a utility cryptlet cannot ask other cryptlets",
            "remove it, or make the kind \"contract\"",
        )),
        _ if !capabilities.wasi && !capabilities.directories.is_empty() => Some((
            "directories",
            "directories are read through WASI, and the cryptlet does not ask for it",
            "add wasi = true to [capabilities]",
        )),
        _ => None,
    };
    match refused {
        Some((name, reason, remedy)) => {
            Err(table
                .spot_of(name)
                .error(Problem::Contradiction, reason, remedy))
        }
        None => Ok(capabilities),
    }
}

fn build(table: &Table<'_>, capabilities: &Capabilities) -> Result<Build, ManifestError> {
    table.only(&["features", "wasi"])?;
    let features = unique(table.texts("features")?, &table.spot_of("features"))?;
    let wasi = table.flag("wasi")?;
    if wasi && !capabilities.wasi {
        return Err(table.spot_of("wasi").error(
            Problem::Contradiction,
            "a component that is built for WASI imports it",
            "add wasi = true to [capabilities], or build for the sealed target",
        ));
    }
    Ok(Build { features, wasi })
}

fn state(table: &Table<'_>, capabilities: &Capabilities) -> Result<StateSchema, ManifestError> {
    table.only(&["version"])?;
    if !capabilities.state {
        return Err(table.spot.error(
            Problem::Contradiction,
            "only what is kept has a version, and the cryptlet does not ask for state",
            "add state = true to [capabilities], or remove the table",
        ));
    }
    let Some(number) = table.number("version")? else {
        return Err(table.missing("version"));
    };
    match u32::try_from(number.value) {
        Ok(version @ 1..) => Ok(StateSchema { version }),
        _ => Err(number.spot.error(
            Problem::BadValue,
            format!("{} lies outside 1 to {}", number.value, u32::MAX),
            "begin with 1, and add 1 whenever earlier entries have to be migrated",
        )),
    }
}

fn limits(table: &Table<'_>, capabilities: &Capabilities) -> Result<Limits, ManifestError> {
    let known = Limits::default().entries().map(|(name, _)| name);
    table.only(&known)?;
    let mut limits = Limits::default();
    for (name, most) in Limits::MAXIMUM.entries() {
        let Some(number) = table.number(name)? else {
            continue;
        };
        if number.value == 0 || number.value > most {
            return Err(number.spot.error(
                Problem::BadValue,
                format!("{} lies outside 1 to {most}", number.value),
                "choose a value in between, or remove the key to take the default",
            ));
        }
        *limits
            .entry_mut(name)
            .expect("entries and entry_mut know the same names") = number.value;
    }
    if limits.call_depth == 1 && !capabilities.sources.is_empty() {
        return Err(table.spot_of("call-depth").error(
            Problem::Contradiction,
            "a depth of 1 is the cryptlet alone, and it asks for sources",
            "write 2 or more, or remove capabilities.sources",
        ));
    }
    Ok(limits)
}

fn messages(
    table: &Table<'_>,
    cryptlet: &Identity,
    capabilities: &Capabilities,
) -> Result<Messages, ManifestError> {
    table.only(&["actions", "contract-events", "topics", "request", "reply"])?;
    let messages = Messages {
        actions: signatures(table, "actions", false)?,
        contract_events: signatures(table, "contract-events", true)?,
        topics: signatures(table, "topics", false)?,
        request: table
            .text("request")?
            .map(|text| signature(&text, false))
            .transpose()?,
        reply: table
            .text("reply")?
            .map(|text| signature(&text, false))
            .transpose()?,
    };
    if !messages.actions.is_empty() && !capabilities.ledger {
        return Err(table.spot_of("actions").error(
            Problem::Contradiction,
            "actions reach a ledger, and the cryptlet does not ask for one",
            match cryptlet.kind {
                Kind::Contract => "add ledger = true to [capabilities]",
                Kind::Utility => "remove them, or make the kind \"contract\"",
            },
        ));
    }
    if !messages.topics.is_empty() && !capabilities.events {
        return Err(table.spot_of("topics").error(
            Problem::Contradiction,
            "topics are published as events, and the cryptlet does not ask for them",
            "add events = true to [capabilities]",
        ));
    }
    // One Solidity interface declares both, and identifiers there are unique.
    if let Some(event) = messages
        .contract_events
        .iter()
        .find(|event| messages.action(event.name()).is_some())
    {
        return Err(table.spot_of("contract-events").error(
            Problem::Contradiction,
            format!(
                "`{}` is the name of an action and of an event",
                event.name()
            ),
            "give one of them another name: Solidity cannot declare both",
        ));
    }
    let interface = interface_name(&cryptlet.name);
    if messages
        .action(&interface)
        .or(messages.contract_event(&interface))
        .is_some()
    {
        return Err(table.spot.error(
            Problem::Contradiction,
            format!("`{interface}` is the name of the Solidity interface made from this manifest"),
            "give the message another name",
        ));
    }
    if cryptlet.kind == Kind::Utility {
        for (name, message) in [("request", &messages.request), ("reply", &messages.reply)] {
            if message.is_none() {
                return Err(table.missing(name));
            }
        }
    }
    if messages.reply.is_some() && messages.request.is_none() {
        return Err(table.missing("request"));
    }
    Ok(messages)
}

fn signatures(
    table: &Table<'_>,
    name: &str,
    may_be_indexed: bool,
) -> Result<Vec<Message>, ManifestError> {
    let texts = table.texts(name)?;
    bounded(&texts, &table.spot_of(name))?;
    let mut names = BTreeSet::new();
    let mut messages = Vec::with_capacity(texts.len());
    for text in &texts {
        let message = signature(text, may_be_indexed)?;
        if !names.insert(message.name().to_owned()) {
            return Err(text.spot.error(
                Problem::BadValue,
                format!("`{}` is there twice", message.name()),
                "give each message a name of its own: messages are found by name",
            ));
        }
        messages.push(message);
    }
    Ok(messages)
}

fn signature(text: &Located<String>, may_be_indexed: bool) -> Result<Message, ManifestError> {
    let message: Message = text.value.parse().map_err(|error: crate::SignatureError| {
        text.spot.error(
            Problem::BadValue,
            error.to_string(),
            "write it as \"name(type field, type field)\"",
        )
    })?;
    if let Some(field) = message
        .fields()
        .iter()
        .find(|field| field.indexed && !may_be_indexed)
    {
        return Err(text.spot.error(
            Problem::BadValue,
            format!("the field `{}` is indexed", field.name),
            "remove the word: only contract-events have indexed fields",
        ));
    }
    Ok(message)
}

fn labels(table: &Table<'_>, name: &str) -> Result<Vec<String>, ManifestError> {
    let names = table.texts(name)?;
    names.iter().try_for_each(label)?;
    unique(names, &table.spot_of(name))
}

fn unique(texts: Vec<Located<String>>, spot: &Spot) -> Result<Vec<String>, ManifestError> {
    bounded(&texts, spot)?;
    let mut seen = BTreeSet::new();
    for text in &texts {
        if !seen.insert(&text.value) {
            return Err(text.spot.error(
                Problem::BadValue,
                format!("`{}` is there twice", text.value),
                "remove one of them",
            ));
        }
    }
    Ok(texts.into_iter().map(|text| text.value).collect())
}

fn bounded<T>(list: &[T], spot: &Spot) -> Result<(), ManifestError> {
    if list.len() <= MAX_LIST {
        return Ok(());
    }
    let reason = format!(
        "{} entries are more than the {MAX_LIST} that are allowed",
        list.len()
    );
    Err(spot.error(Problem::BadValue, reason, "shorten the list"))
}

/// A label in kebab-case, as WIT has it, in lower case.
fn label(name: &Located<String>) -> Result<(), ManifestError> {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if name.value.len() <= MAX_NAME && name.value.split('-').all(is_word) {
        return Ok(());
    }
    Err(name.spot.error(
        Problem::BadValue,
        format!(
            "`{}` is not a name in kebab-case",
            crate::path::shorten(&name.value)
        ),
        format!(
            "write at most {MAX_NAME} lower-case letters and digits, words joined by `-`, each \
             starting with a letter: \"interest-rate-swap\""
        ),
    ))
}

/// Characters that make text read otherwise than it is written (Unicode TR 36, "Trojan Source").
fn is_directional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}' | '\u{061c}')
}
