//! Proofs in files, and what a witness is sent.

use crate::scene::{Log, ORIGIN, SETTLED, entries, key, trusted};
use cryptlet_attest::log::{
    AddCheckpoint, AddCheckpointError, Hash, MAXIMUM_ADD_CHECKPOINT, TlogProof, TlogProofError,
};
use cryptlet_attest::{Doubt, LeafHash};
use proptest::collection::vec;
use proptest::prelude::*;

fn proof() -> (TlogProof, LeafHash) {
    let receipt = Log::new(&entries()).receipt(SETTLED);
    let proof = TlogProof {
        index: receipt.index,
        proof: receipt.proof(),
        checkpoint: receipt.checkpoint.clone(),
    };
    (proof, receipt.leaf_hash())
}

#[test]
fn a_proof_in_a_file_is_verified_with_the_entrys_hash() {
    let (proof, leaf) = proof();
    let read = TlogProof::from_text(&proof.to_text()).unwrap();
    assert_eq!(read, proof);
    let trust = [trusted(ORIGIN, &key(1))];
    assert_eq!(read.verify(&leaf, &trust).unwrap().size, 7);
    let refused = |leaf: &LeafHash, trust: &[_]| read.verify(leaf, trust).unwrap_err().name();
    assert_eq!(refused(&LeafHash::of(b"else"), &trust), "not-in-log");
    assert_eq!(refused(&leaf, &[]), "unknown-signer");
    let mut moved = proof;
    moved.index = 7;
    assert_eq!(
        moved.verify(&leaf, &trust),
        Err(Doubt::NotInLog { index: 7, size: 7 })
    );
}

#[test]
fn a_proof_is_the_lines_of_the_specification() {
    let (proof, _) = proof();
    let text = proof.to_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["c2sp.org/tlog-proof@v1", "index 5"]);
    assert!(lines[2..5].iter().all(|line| line.len() == 44), "{text}");
    assert_eq!(lines[5..8], ["", ORIGIN, "7"]);
    assert!(text.ends_with(&proof.checkpoint));
}

#[test]
fn what_is_not_a_proof_says_why() {
    use TlogProofError::{Extra, Index, Proof, Version};
    let hash = format!("{}=\n", "A".repeat(43));
    let many = hash.repeat(64);
    for (text, error) in [
        ("", Version),
        ("c2sp.org/tlog-proof@v1", Version),
        ("c2sp.org/tlog-proof@v2\nindex 0\n\n", Version),
        ("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n", Extra),
        ("c2sp.org/tlog-proof@v1\n", Index),
        ("c2sp.org/tlog-proof@v1\nindex 0", Index),
        ("c2sp.org/tlog-proof@v1\nindex 00\n\n", Index),
        ("c2sp.org/tlog-proof@v1\nindex +1\n\n", Index),
        ("c2sp.org/tlog-proof@v1\nindex \n\n", Index),
        (
            "c2sp.org/tlog-proof@v1\nindex 18446744073709551616\n\n",
            Index,
        ),
        ("c2sp.org/tlog-proof@v1\nindex 0\n", Proof),
        ("c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n", Proof),
        ("c2sp.org/tlog-proof@v1\nindex 0\nnot base64\n\n", Proof),
        (&format!("c2sp.org/tlog-proof@v1\nindex 0\n{many}\n"), Proof),
    ] {
        assert_eq!(TlogProof::from_text(text), Err(error), "{text}");
    }
    let large = "x".repeat(100_000);
    assert_eq!(
        TlogProof::from_text(&large),
        Err(TlogProofError::TooLarge { found: 100_000 })
    );
}

/// The example of <https://c2sp.org/tlog-witness>.
#[test]
fn the_request_of_the_specification_is_read_and_written_the_same() {
    let text = "old 20852014\n\
                PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
                jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
                5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
                /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
                \n\
                example.com/behind-the-sofa\n\
                20852163\n\
                CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
                \n\
                — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    let request = AddCheckpoint::from_text(text).unwrap();
    assert_eq!((request.old, request.proof.len()), (20_852_014, 4));
    assert!(request.checkpoint.starts_with("example.com/behind"));
    assert_eq!(request.to_text(), text);
}

#[test]
fn what_is_not_a_request_says_why() {
    use AddCheckpointError::{Old, Proof};
    let many = format!("old 1\n{}\n", format!("{}=\n", "A".repeat(43)).repeat(64));
    for (text, error) in [
        ("", Old),
        ("old", Old),
        ("old 0", Old),
        ("old  0\n\n", Old),
        ("old 01\n\n", Old),
        ("old -1\n\n", Old),
        ("size 1\n\n", Old),
        ("old 1\n", Proof),
        ("old 1\nAA==\n\n", Proof),
        ("old 1\n \n\n", Proof),
        (&many, Proof),
    ] {
        assert_eq!(AddCheckpoint::from_text(text), Err(error), "{text}");
    }
    let large = "x".repeat(MAXIMUM_ADD_CHECKPOINT + 1);
    assert_eq!(
        AddCheckpoint::from_text(&large),
        Err(AddCheckpointError::TooLarge { found: large.len() })
    );
}

fn hashes() -> impl Strategy<Value = Vec<Hash>> {
    vec(any::<[u8; 32]>().prop_map(Hash), 0..64)
}

proptest! {
    #[test]
    fn every_proof_and_every_request_reads_back(
        number in any::<u64>(),
        proof in hashes(),
        checkpoint in any::<String>(),
    ) {
        let file = TlogProof { index: number, proof: proof.clone(), checkpoint: checkpoint.clone() };
        prop_assert_eq!(TlogProof::from_text(&file.to_text()), Ok(file));
        let request = AddCheckpoint { old: number, proof, checkpoint };
        prop_assert_eq!(AddCheckpoint::from_text(&request.to_text()), Ok(request));
    }

    #[test]
    fn whatever_is_read_has_that_one_form(text in "(old|index)? ?[0-9]{0,3}\n([A-Z]{43}=\n){0,2}\n?.{0,5}") {
        if let Ok(request) = AddCheckpoint::from_text(&text) {
            prop_assert_eq!(request.to_text(), &text[..]);
        }
        let text = format!("c2sp.org/tlog-proof@v1\n{text}");
        if let Ok(proof) = TlogProof::from_text(&text) {
            prop_assert_eq!(proof.to_text(), text);
        }
    }
}
