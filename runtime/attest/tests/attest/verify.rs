//! Who is believed, and who is not.

use crate::scene::{self, Log, ORIGIN, SETTLED, entries, key, settled, trusted};
use cryptlet_attest::{
    Basis, Doubt, EncodingError, Evidence, LogEntry, Measurement, Outcome, Receipt, Statement,
    Verdict, verify, verify_entry,
};

fn seal(statement: Statement) -> Result<Verdict, Doubt> {
    let log = Log::new(&[LogEntry::Receipt(statement)]);
    verify(&log.receipt(0).to_bytes(), &[log.trusted()], None)
}

#[test]
fn a_genuine_receipt_verifies_and_says_what_each_claim_rests_on() {
    let log = Log::new(&entries());
    let receipt = log.receipt(SETTLED);
    let expected = Measurement::of(scene::COMPONENT);

    let verdict = verify(&receipt.to_bytes(), &[log.trusted()], Some(&expected)).unwrap();

    assert_eq!(verdict.statement, settled());
    assert_eq!(verdict.leaf_hash, settled().leaf_hash());
    assert_eq!(verdict.execution_hash, settled().execution_hash());
    assert_eq!(verdict.index, SETTLED);
    assert_eq!(verdict.checkpoint.size, entries().len() as u64);
    let basis = |name: &str| {
        &verdict
            .claims
            .iter()
            .find(|claim| claim.name == name)
            .unwrap_or_else(|| panic!("no claim {name}"))
            .rests_on
    };
    assert_eq!(*basis("intact"), Basis::Computed);
    assert_eq!(
        *basis("logged"),
        Basis::Signature {
            key: log.trusted().identity(),
        }
    );
    assert_eq!(*basis("execution"), Basis::HostUntilReplayed);
    assert_eq!(*basis("circumstances"), Basis::Host);
    assert_eq!(*basis("sources"), Basis::Host);
}

#[test]
fn every_run_in_a_log_verifies_and_nothing_else_passes_for_a_run() {
    let entries = entries();
    let log = Log::new(&entries);
    for (index, entry) in entries.iter().enumerate() {
        let receipt = log.receipt(index as u64);
        let (read, checkpoint) = verify_entry(&receipt, &[log.trusted()]).unwrap();
        assert_eq!(read, *entry);
        assert_eq!(checkpoint.size, entries.len() as u64);
        let verdict = verify(&receipt.to_bytes(), &[log.trusted()], None);
        match entry {
            LogEntry::Receipt(statement) => assert_eq!(verdict.unwrap().statement, *statement),
            _ => assert!(matches!(verdict, Err(Doubt::NotAReceipt { .. }))),
        }
    }
}

#[test]
fn a_signer_that_is_not_trusted_is_named() {
    let log = Log::owned_by(ORIGIN, key(2), &entries());
    let doubt = verify(
        &log.receipt(SETTLED).to_bytes(),
        &[trusted(ORIGIN, &key(1))],
        None,
    )
    .unwrap_err();
    assert_eq!(
        doubt,
        Doubt::UnknownSigner {
            signers: vec![log.trusted().identity()],
        }
    );
    assert_eq!(doubt.name(), "unknown-signer");
}

#[test]
fn a_log_of_another_name_is_another_log() {
    let log = Log::owned_by("log.example.org/other", key(1), &entries());
    let doubt = verify(
        &log.receipt(SETTLED).to_bytes(),
        &[trusted(ORIGIN, &key(1))],
        None,
    )
    .unwrap_err();
    assert!(matches!(doubt, Doubt::UnknownSigner { .. }), "{doubt}");
}

#[test]
fn another_module_is_named_beside_the_expected_one() {
    let log = Log::new(&entries());
    let expected = Measurement::of(b"what I have read and agreed to");
    assert_eq!(
        verify(
            &log.receipt(SETTLED).to_bytes(),
            &[log.trusted()],
            Some(&expected)
        ),
        Err(Doubt::OtherMeasurement {
            expected,
            found: Measurement::of(scene::COMPONENT),
        })
    );
}

#[test]
fn a_receipt_of_a_stranger_does_not_become_another_modules_receipt() {
    // Trust comes first: what an unknown signer says about modules is not worth reporting.
    let log = Log::owned_by(ORIGIN, key(2), &entries());
    let expected = Measurement::of(b"another");
    assert!(matches!(
        verify(
            &log.receipt(SETTLED).to_bytes(),
            &[trusted(ORIGIN, &key(1))],
            Some(&expected)
        ),
        Err(Doubt::UnknownSigner { .. })
    ));
}

#[test]
fn a_proof_from_another_tree_proves_nothing() {
    let log = Log::new(&entries());
    let mut other_entries = entries();
    other_entries[0] = LogEntry::Receipt(scene::failed(Outcome::Ok));
    let other = Log::new(&other_entries);
    let mut receipt = log.receipt(SETTLED);
    receipt.proof = other.receipt(SETTLED).proof;
    assert_eq!(
        verify(&receipt.to_bytes(), &[log.trusted()], None),
        Err(Doubt::NotInLog {
            index: SETTLED,
            size: entries().len() as u64,
        })
    );
}

#[test]
fn a_receipt_under_an_earlier_or_later_checkpoint_of_the_same_log_is_not_proven() {
    let mut log = Log::new(&entries());
    let before = log.receipt(SETTLED);
    log.append(&LogEntry::Receipt(scene::failed(Outcome::Ok)));
    let after = log.receipt(SETTLED);
    let mixed = Receipt {
        checkpoint: after.checkpoint,
        ..before
    };
    assert!(matches!(
        verify(&mixed.to_bytes(), &[log.trusted()], None),
        Err(Doubt::NotInLog { .. })
    ));
}

#[test]
fn a_statement_that_was_never_logged_is_not_believed() {
    let log = Log::new(&entries());
    let mut richer = settled();
    richer.execution.fuel += 1;
    let receipt = Receipt {
        statement: richer.to_bytes(),
        ..log.receipt(SETTLED)
    };
    assert!(matches!(
        verify(&receipt.to_bytes(), &[log.trusted()], None),
        Err(Doubt::NotInLog { .. })
    ));
}

#[test]
fn a_receipt_cut_off_at_any_byte_is_refused() {
    let log = Log::new(&entries());
    let bytes = log.receipt(SETTLED).to_bytes();
    for length in 0..bytes.len() {
        assert!(
            matches!(
                verify(&bytes[..length], &[log.trusted()], None),
                Err(Doubt::Unreadable(EncodingError::Truncated { .. }))
            ),
            "{length} of {} bytes",
            bytes.len()
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(
        verify(&longer, &[log.trusted()], None),
        Err(Doubt::Unreadable(EncodingError::TrailingBytes { .. }))
    ));
}

#[test]
fn a_receipt_with_any_bit_flipped_is_refused() {
    let log = Log::new(&entries());
    let bytes = log.receipt(SETTLED).to_bytes();
    let trust = [log.trusted()];
    verify(&bytes, &trust, None).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            let verdict = verify(&altered, &trust, None);
            assert!(verdict.is_err(), "bit {bit} of byte {at} was not missed");
        }
    }
}

#[test]
fn evidence_does_not_pass_for_a_receipt() {
    let evidence = Evidence::software(&key(1), scene::some_digest(), scene::some_digest()).unwrap();
    let log = Log::new(&entries());
    assert!(matches!(
        verify(&evidence.to_bytes(), &[log.trusted()], None),
        Err(Doubt::Unreadable(_))
    ));
    let receipt = Receipt {
        statement: evidence.to_bytes(),
        ..log.receipt(SETTLED)
    };
    assert!(matches!(
        verify(&receipt.to_bytes(), &[log.trusted()], None),
        Err(Doubt::Unreadable(_))
    ));
}

#[test]
fn a_newer_receipt_asks_for_a_newer_program() {
    let log = Log::new(&entries());
    let mut bytes = log.receipt(SETTLED).to_bytes();
    bytes[7] = 2;
    let doubt = verify(&bytes, &[log.trusted()], None).unwrap_err();
    assert!(matches!(
        doubt,
        Doubt::Unreadable(EncodingError::UnsupportedVersion {
            found: 2,
            supported: 1,
            ..
        })
    ));
    assert!(doubt.to_string().contains("use a newer one"), "{doubt}");
}

#[test]
fn runs_that_did_not_succeed_have_receipts_too() {
    for outcome in [
        Outcome::Failure {
            code: "no-rate".to_owned(),
        },
        Outcome::Trap {
            kind: "unreachable".to_owned(),
        },
        Outcome::Limit {
            which: "fuel".to_owned(),
            allowed: 1,
        },
    ] {
        let verdict = seal(scene::failed(outcome.clone())).unwrap();
        assert_eq!(verdict.statement.execution.outcome, outcome);
    }
}

#[test]
fn an_interrupted_run_never_rests_on_replay() {
    let verdict = seal(scene::failed(Outcome::Interrupted {
        which: "wall-clock".to_owned(),
    }))
    .unwrap();
    assert!(
        verdict
            .claims
            .iter()
            .all(|claim| claim.rests_on != Basis::HostUntilReplayed)
    );
}

#[test]
fn a_receipt_that_contradicts_itself_is_refused() {
    type Change = fn(&mut Statement);
    let contradictions: [(&str, Change); 6] = [
        ("left a run", |statement| {
            statement.execution.outcome = Outcome::Trap {
                kind: "unreachable".to_owned(),
            };
        }),
        ("changed the state", |statement| {
            statement.execution.outcome = Outcome::Trap {
                kind: "unreachable".to_owned(),
            };
            statement.execution.outputs.clear();
            statement.execution.reply = None;
        }),
        ("count from 1", |statement| statement.execution.ordinal = 1),
        ("count from 1", |statement| {
            statement.execution.source = Some("reference-rate".to_owned());
        }),
        ("by being asked", |statement| {
            statement.execution.source = Some("reference-rate".to_owned());
            statement.execution.ordinal = 1;
        }),
        ("nowhere", |statement| {
            statement.execution.trigger.position = None
        }),
    ];
    for (reason, change) in contradictions {
        let mut statement = settled();
        change(&mut statement);
        let doubt = seal(statement).unwrap_err();
        assert!(matches!(doubt, Doubt::Inconsistent { .. }), "{doubt}");
        assert!(doubt.to_string().contains(reason), "{doubt}");
    }
}

#[test]
fn a_host_that_names_another_key_than_its_logs_is_refused() {
    let log = Log::new(&[]);
    let name = log.trusted().identity();
    for named in [
        trusted(ORIGIN, &key(2)).identity(),
        trusted("log.example.org/other", &log.key).identity(),
        log.trusted().to_string(),
        name.to_uppercase(),
        ORIGIN.to_owned(),
        String::new(),
    ] {
        let mut statement = settled();
        statement.host.key.clone_from(&named);
        let doubt = seal(statement).unwrap_err();
        assert!(matches!(doubt, Doubt::Inconsistent { .. }), "{named:?}");
        assert!(doubt.to_string().contains("names another key"), "{doubt}");
    }
}

#[test]
fn trusting_the_key_that_a_host_names_is_no_substitute_for_its_signature() {
    let other = trusted(ORIGIN, &key(2));
    let mut statement = settled();
    statement.host.key = other.identity();
    let log = Log::new(&[LogEntry::Receipt(statement)]);
    assert!(matches!(
        verify(&log.receipt(0).to_bytes(), &[other, log.trusted()], None),
        Err(Doubt::Inconsistent { .. })
    ));
}

#[test]
fn a_log_that_changes_its_key_proves_old_receipts_with_both_signatures() {
    let old = Log::new(&entries());
    let new = Log::owned_by(ORIGIN, key(2), &entries());
    let (text, old_line) = split_note(&old.receipt(SETTLED).checkpoint);
    let (_, new_line) = split_note(&new.receipt(SETTLED).checkpoint);
    let trust = [new.trusted(), old.trusted()];
    let under = |checkpoint: String| {
        let receipt = Receipt {
            checkpoint,
            ..old.receipt(SETTLED)
        };
        verify(&receipt.to_bytes(), &trust, None)
    };

    for lines in [[&old_line, &new_line], [&new_line, &old_line]] {
        let checkpoint = format!("{text}\n\n{}{}", lines[0], lines[1]);
        assert_eq!(under(checkpoint).unwrap().statement, settled());
    }
    assert!(matches!(
        under(format!("{text}\n\n{new_line}")),
        Err(Doubt::Inconsistent { .. })
    ));
}

/// A signed note's text, and its signature lines.
fn split_note(note: &str) -> (String, String) {
    let (text, lines) = note.split_once("\n\n").unwrap();
    (text.to_owned(), lines.to_owned())
}

#[test]
fn the_view_shows_names_and_decimal_strings() {
    let log = Log::new(&entries());
    let view = serde_json::to_value(log.receipt(SETTLED).view().unwrap()).unwrap();
    assert_eq!(view["entry"], "receipt");
    assert_eq!(view["index"], "5");
    assert_eq!(view["leaf_hash"], settled().leaf_hash().to_string());
    assert_eq!(view["execution"]["fuel"], "1048577");
    assert_eq!(view["execution"]["limits"]["fuel"], "50000000");
    assert_eq!(view["execution"]["outcome"]["name"], "ok");
    assert_eq!(view["execution"]["outputs"][0]["name"], "delivery");
    assert_eq!(view["execution"]["trigger"]["kind"], "contract-event");
    assert_eq!(view["checkpoint"][0], ORIGIN);
}

#[test]
fn a_verdict_and_a_doubt_can_be_told_to_programs() {
    let log = Log::new(&entries());
    let verdict = verify(&log.receipt(SETTLED).to_bytes(), &[log.trusted()], None).unwrap();
    let told = serde_json::to_value(&verdict).unwrap();
    assert_eq!(told["claims"][0]["name"], "intact");
    assert_eq!(told["claims"][1]["rests_on"]["basis"], "signature");
    assert_eq!(told["checkpoint"]["size"], "7");
}
