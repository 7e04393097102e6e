//! Documents that people write: understood, or refused with file, key and remedy.

use cryptlet_fabric::{Binding, Configuration, LogFormat, Service};

const BINDING: &str = include_str!("documents/binding.toml");
const CONFIGURATION: &str = include_str!("documents/fabric.toml");

#[test]
fn a_binding_survives_being_written_and_read() -> Result<(), Box<dyn std::error::Error>> {
    let binding = Binding::parse("binding.toml", BINDING)?;
    let again = Binding::parse("again.toml", &binding.to_toml())?;
    assert_eq!(again, binding);
    assert_eq!(again.version(), binding.version());
    assert_eq!(again.id(), binding.id());
    Ok(())
}

#[test]
fn every_part_of_a_binding_is_part_of_its_version() -> Result<(), Box<dyn std::error::Error>> {
    let version = Binding::parse("binding.toml", BINDING)?.version();
    for (from, to) in [
        ("versions = \"^1.0\"", "versions = \"^1.1\""),
        ("validity-seconds = 600", "validity-seconds = 601"),
        ("ordered = true", "ordered = false"),
        ("methods = [\"GET\"]", "methods = [\"GET\", \"HEAD\"]"),
        ("methods = [\"GET\"]", "methods = [\"GET\"], requests = 3"),
        ("name = \"Globex\"", "name = \"Initech\""),
        ("delivery = \"swap-delivery\"", "delivery = \"other\""),
    ] {
        let changed = BINDING.replacen(from, to, 1);
        assert_ne!(changed, BINDING, "{from} is in the document");
        assert_ne!(
            Binding::parse("binding.toml", &changed)?.version(),
            version,
            "{to}"
        );
    }
    Ok(())
}

#[test]
fn a_malformed_binding_is_refused_with_file_key_and_remedy() {
    for (from, to, named, remedy) in [
        (
            "ordered = true",
            "orderd = true",
            "orderd",
            "correct its name",
        ),
        ("ordered = true", "", "ordered", "add the key"),
        (
            "ordered = true",
            "ordered = \"yes\"",
            "ordered",
            "correct the value",
        ),
        (
            "threshold = 2",
            "threshold = 3",
            "binding.threshold",
            "number of counterparties",
        ),
        (
            "threshold = 2",
            "threshold = 0",
            "binding.threshold",
            "number of counterparties",
        ),
        (
            "signer-threshold = 1",
            "signer-threshold = 2",
            "signer-threshold",
            "set it to 1",
        ),
        (
            "settle(uint32 period",
            "settle(uint33 period",
            "actions",
            "correct the value",
        ),
        ("eip155:31337", "bitcoin:1", "chain", "correct the value"),
        (
            "version-delay-seconds = 3600",
            "version-delay-seconds = 31536001",
            "version-delay-seconds",
            "31536000 at most",
        ),
        (
            "0x4444444444444444444444444444444444444444",
            "0x0000000000000000000000000000000000000000",
            "contract.consumer",
            "name the contract",
        ),
        (
            "0x4444444444444444444444444444444444444444",
            "0x3333333333333333333333333333333333333333",
            "contract.consumer",
            "name the contract",
        ),
        (
            "contract-events = [\"PeriodEnded\"]",
            "contract-events = [\"Ended\"]",
            "Ended",
            "list the event",
        ),
        (
            "methods = [\"GET\"]",
            "methods = [\"GET\"], request-bytes = 0",
            "http.rates.request-bytes",
            "from 1 to",
        ),
        (
            "methods = [\"GET\"]",
            "methods = [\"GET\"], timeout-milliseconds = 600001",
            "http.rates.timeout-milliseconds",
            "from 1 to 600000",
        ),
        (
            "grants.http.rates",
            "grants.directories.documents = { bytes = 0 }\ngrants.http.rates",
            "directory `documents`",
            "correct the name or the bytes",
        ),
        (
            "grants.http.rates",
            "grants.directories.\"../etc\" = {}\ngrants.http.rates",
            "directory `../etc`",
            "correct the name or the bytes",
        ),
        (
            "grants.http.rates",
            "grants.directories.documents = { bytes = 16777217 }\ngrants.http.rates",
            "grants.directories",
            "correct the name or the bytes",
        ),
        (
            "0x0000000000000000000000000000000000000001",
            "0x0000000000000000000000000000000000000009",
            "counterparties",
            "sort them",
        ),
    ] {
        let text = BINDING.replacen(from, to, 1);
        assert_ne!(text, BINDING, "{from} is in the document");
        let refusal = Binding::parse("acme.toml", &text)
            .expect_err("malformed")
            .to_string();
        assert!(
            refusal.contains("acme") && refusal.contains(named) && refusal.contains(remedy),
            "{to}: {refusal}"
        );
    }
}

#[test]
fn a_configuration_is_understood() -> Result<(), Box<dyn std::error::Error>> {
    let configuration = Configuration::parse("fabric.toml", CONFIGURATION)?;
    assert_eq!(
        configuration.ledgers["anvil"].max_fee_per_gas,
        500_000_000_000
    );
    Ok(())
}

#[test]
fn a_limit_that_is_set_leaves_the_others_as_the_host_has_them()
-> Result<(), Box<dyn std::error::Error>> {
    let least = Configuration::parse("fabric.toml", CONFIGURATION)?;
    let text = format!("{CONFIGURATION}\n[limits]\nfuel = 7\n");
    let mut limits = Configuration::parse("fabric.toml", &text)?.limits;
    assert_eq!(limits.fuel, 7);
    limits.fuel = least.limits.fuel;
    assert_eq!(limits, least.limits);
    Ok(())
}

#[test]
fn a_malformed_configuration_is_refused_with_file_key_and_remedy() {
    for (from, to, named, remedy) in [
        ("origin =", "orgin =", "orgin", "correct its name"),
        (
            "finality = \"depth:2\"",
            "finality = \"soon\"",
            "finality",
            "correct the value",
        ),
        (
            "http://127.0.0.1:8545",
            "somewhere",
            "rpc",
            "correct the value",
        ),
        ("gateway = ", "gate = ", "gate", "correct its name"),
        (
            "fabric.example/log",
            "fabric example+log",
            "fabric.origin",
            "without spaces",
        ),
        (
            "account = \"account\"",
            "account = \"No Key\"",
            "ledgers.anvil.account",
            "cryptlet key ls",
        ),
    ] {
        let text = CONFIGURATION.replacen(from, to, 1);
        assert_ne!(text, CONFIGURATION, "{from} is in the document");
        let refusal = Configuration::parse("fabric.toml", &text)
            .expect_err("malformed")
            .to_string();
        assert!(
            refusal.starts_with("fabric.toml")
                && refusal.contains(named)
                && refusal.contains(remedy),
            "{to}: {refusal}"
        );
    }
}

#[test]
fn a_configuration_without_a_service_serves_as_by_default() -> Result<(), Box<dyn std::error::Error>>
{
    let configuration = Configuration::parse("fabric.toml", CONFIGURATION)?;
    assert_eq!(configuration.service, Service::default());
    assert!(configuration.service.listen.ip().is_loopback());
    let state = tempfile::tempdir()?;
    configuration.write(state.path())?;
    assert_eq!(Configuration::read(state.path())?, configuration);
    Ok(())
}

#[test]
fn a_service_is_understood() -> Result<(), Box<dyn std::error::Error>> {
    let text = format!(
        "{CONFIGURATION}\n[service]\nlisten = \"0.0.0.0:0\"\nallow-remote = true\nqueue = 7\nlog-format = \"json\"\n"
    );
    let service = Configuration::parse("fabric.toml", &text)?.service;
    assert_eq!(service.listen.to_string(), "0.0.0.0:0");
    assert_eq!((service.queue, service.log_format), (7, LogFormat::Json));
    assert_eq!(service.burst, Service::default().burst, "it has a default");
    Ok(())
}

#[test]
fn a_malformed_service_is_refused_with_file_key_and_remedy() {
    for (line, named, remedy) in [
        ("listen = \"localhost\"", "listen", "correct the value"),
        (
            "listen = \"0.0.0.0:7410\"",
            "service.listen",
            "allow-remote = true",
        ),
        ("listen = \"[::]:7410\"", "service.listen", "TLS"),
        (
            "poll-milliseconds = 0",
            "service.poll-milliseconds",
            "1 or more",
        ),
        ("burst = 0", "service.burst", "1 or more"),
        ("queue = 0", "service.queue", "1 or more"),
        ("wait-seconds = -1", "wait-seconds", "correct the value"),
        ("drain-seconds = 0", "service.drain-seconds", "1 or more"),
        ("log-days = 0", "service.log-days", "1 or more"),
        ("log = \" \"", "service.log", "name a level"),
        ("log-format = \"xml\"", "log-format", "correct the value"),
        ("lisen = \"127.0.0.1:1\"", "lisen", "correct its name"),
    ] {
        let text = format!("{CONFIGURATION}\n[service]\n{line}\n");
        let refusal = Configuration::parse("fabric.toml", &text)
            .expect_err(line)
            .to_string();
        assert!(
            refusal.starts_with("fabric.toml")
                && refusal.contains(named)
                && refusal.contains(remedy),
            "{line}: {refusal}"
        );
    }
}

#[test]
fn two_ledgers_never_share_an_account() {
    let section = &CONFIGURATION[CONFIGURATION.find("[ledgers.anvil]").expect("it has one")..];
    let twice = format!(
        "{CONFIGURATION}\n{}",
        section.replace("[ledgers.anvil]", "[ledgers.second]")
    );
    let refusal = Configuration::parse("fabric.toml", &twice)
        .expect_err("one lane of nonces")
        .to_string();
    assert!(
        refusal.contains("ledgers.second.account") && refusal.contains("cryptlet key new"),
        "{refusal}"
    );
    let apart = twice.replacen("\"account\"", "\"other\"", 1);
    assert!(Configuration::parse("fabric.toml", &apart).is_ok());
}

#[test]
fn the_json_whose_hash_is_the_version_is_read_back_and_no_other()
-> Result<(), Box<dyn std::error::Error>> {
    let binding = Binding::parse("binding.toml", include_str!("documents/binding.toml"))?;
    let json = binding.to_json();
    assert_eq!(Binding::from_json("binding.json", &json)?, binding);
    let spaced = [&json[..], b"\n"].concat();
    let refusal = Binding::from_json("binding.json", &spaced).expect_err("another form");
    assert!(refusal.to_string().contains("version"), "{refusal}");
    Ok(())
}

const WITNESS: &str = "url = \"https://witness.example/\"\nkey = \"KEY\"\n";

/// The configuration with these lines in its section `[log]`.
fn with_log(lines: &str) -> String {
    let public = cryptlet_attest::log::WitnessKey::new(
        "witness.example",
        &ed25519_dalek::SigningKey::from_bytes(&[3; 32])
            .verifying_key()
            .to_bytes(),
    )
    .expect("a key");
    format!("{CONFIGURATION}\n[log]\n{lines}").replace("KEY", &public.to_string())
}

#[test]
fn a_log_is_published_where_it_says() -> Result<(), Box<dyn std::error::Error>> {
    let state = std::path::Path::new("/var/lib/cryptlet");
    let text = with_log(&format!(
        "folder = \"/srv/log\"\n[[log.witnesses]]\n{WITNESS}"
    ));
    let configuration = Configuration::parse("fabric.toml", &text)?;
    let log = &configuration.log;
    assert_eq!(log.folder(state), std::path::Path::new("/srv/log"));
    assert!(log.public, "it has a default");
    assert_eq!(log.witnesses[0].key.name(), "witness.example");
    let least = Configuration::parse("fabric.toml", CONFIGURATION)?.log;
    assert_eq!(least.folder(state), state.join("log"));
    let written = tempfile::tempdir()?;
    configuration.write(written.path())?;
    assert_eq!(Configuration::read(written.path())?, configuration);
    Ok(())
}

#[test]
fn a_malformed_log_is_refused_with_file_key_and_remedy() {
    let witnesses = |lines: &str| format!("[[log.witnesses]]\n{lines}");
    for (lines, named, remedy) in [
        ("folder = \"\"".to_owned(), "log.folder", "name a folder"),
        ("files = \"log\"".to_owned(), "files", "correct its name"),
        (witnesses(WITNESS).repeat(2), "log.witnesses", "keep one"),
        (
            witnesses(&WITNESS.replace("https", "ftp")),
            "log.witnesses",
            "https://",
        ),
        (
            witnesses(&WITNESS.replace("KEY", "witness.example")),
            "key",
            "correct the value",
        ),
    ] {
        let refusal = Configuration::parse("fabric.toml", &with_log(&lines))
            .expect_err("malformed")
            .to_string();
        assert!(
            refusal.starts_with("fabric.toml")
                && refusal.contains(named)
                && refusal.contains(remedy),
            "{lines}: {refusal}"
        );
    }
}
