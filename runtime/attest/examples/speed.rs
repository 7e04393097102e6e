use cryptlet_attest::log::{self, MemoryHashes};
use cryptlet_attest::*;
use std::time::Instant;
fn main() {
    let text = std::fs::read_to_string("tests/vectors/receipt.json").unwrap();
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    let bytes = hex::decode(cases[0]["receipt"].as_str().unwrap()).unwrap();
    let trust: TrustedKey = cases[0]["trust"].as_str().unwrap().parse().unwrap();
    let receipt = Receipt::from_bytes(&bytes).unwrap();
    let LogEntry::Receipt(statement) = LogEntry::from_bytes(&receipt.statement).unwrap() else {
        panic!()
    };
    println!("receipt {} entry {}", bytes.len(), receipt.statement.len());
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let mut hashes = MemoryHashes::default();
    let mut entries = vec![];
    for n in 0..10_000u64 {
        let mut s = statement.clone();
        s.execution.invocation = n;
        let e = LogEntry::Receipt(s).to_bytes();
        hashes.append(&LeafHash::of(&e)).unwrap();
        entries.push(e);
    }
    let root = log::root(10_000, &hashes).unwrap();
    let note = log::sign_checkpoint(trust.name(), 10_000, &root, &key).unwrap();
    let receipts: Vec<Vec<u8>> = (5000..5256u64)
        .map(|i| {
            Receipt {
                statement: entries[i as usize].clone(),
                index: i,
                proof: log::prove(i, 10_000, &hashes)
                    .unwrap()
                    .iter()
                    .map(|h| h.0)
                    .collect(),
                checkpoint: note.clone(),
            }
            .to_bytes()
        })
        .collect();
    let signature = CheckpointKey::sign(&key, note.as_bytes()).unwrap();
    for _ in 0..3 {
        let t = Instant::now();
        for _ in 0..256 {
            assert!(std::hint::black_box(&trust).verifies(note.as_bytes(), &signature));
        }
        let ed = t.elapsed();
        let t = Instant::now();
        for r in &receipts {
            verify(r, std::slice::from_ref(&trust), None).unwrap();
        }
        let plain = t.elapsed();
        let t = Instant::now();
        let mut v = Verifier::new(&note, std::slice::from_ref(&trust)).unwrap();
        for r in &receipts {
            v.verify(&Receipt::from_bytes(r).unwrap(), None).unwrap();
        }
        let many = t.elapsed();
        let decoded: Vec<Receipt> = receipts
            .iter()
            .map(|r| Receipt::from_bytes(r).unwrap())
            .collect();
        let t = Instant::now();
        let mut v = Verifier::new(&note, std::slice::from_ref(&trust)).unwrap();
        for r in &decoded {
            v.verify(r, None).unwrap();
        }
        let dec = t.elapsed();
        let t = Instant::now();
        let mut v = Verifier::new(&note, std::slice::from_ref(&trust)).unwrap();
        for r in &decoded {
            v.include(r.index, &r.leaf_hash(), &r.proof).unwrap();
        }
        let inc = t.elapsed();
        let t = Instant::now();
        for r in &decoded {
            std::hint::black_box(r.leaf_hash());
        }
        let leaf = t.elapsed();
        let t = Instant::now();
        for r in &decoded {
            LogEntry::from_bytes(&r.statement).unwrap();
        }
        let ent = t.elapsed();
        let t = Instant::now();
        for r in &receipts {
            Receipt::from_bytes(r).unwrap();
        }
        let rec = t.elapsed();
        let us = |d: std::time::Duration| d.as_nanos() as f64 / 256e3;
        println!(
            "ed {:.2} verify {:.2} | verifier bytes {:.2} decoded {:.2} include {:.2} | leaf {:.2} entry decode {:.2} receipt decode {:.2}  us each; ratio {:.1} {:.1}",
            us(ed),
            us(plain),
            us(many),
            us(dec),
            us(inc),
            us(leaf),
            us(ent),
            us(rec),
            us(ed) / us(many),
            us(ed) / us(dec)
        );
    }
}
