//! A whole log in one file.

use cryptlet_attest::{EncodingError, LogExport};
use proptest::prelude::*;

fn export(leaves: &[Vec<u8>], checkpoint: &str) -> Vec<u8> {
    let mut bytes = LogExport::header();
    for leaf in leaves {
        bytes.extend(LogExport::leaf(leaf));
    }
    bytes.extend(LogExport::end(checkpoint));
    bytes
}

#[test]
fn an_export_begins_with_its_mark() {
    assert_eq!(LogExport::header(), [0xda, 0x63, 0x72, 0x70, 0x6c, 0x01]);
}

#[test]
fn what_is_no_export_is_refused_with_the_reason() {
    let whole = export(&[b"leaf".to_vec()], "note");
    let mut newer = whole.clone();
    newer[5] = 2;
    let mut longer = whole.clone();
    longer.push(0);
    let mut indirect = LogExport::header();
    indirect.extend([0x58, 0x01, 0x00]);
    type Judge = fn(&EncodingError) -> bool;
    let cases: [(&[u8], Judge); 6] = [
        (b"", |error| {
            matches!(error, EncodingError::Truncated { .. })
        }),
        (b"not an export", |error| {
            matches!(error, EncodingError::Unexpected { .. })
        }),
        (&newer, |error| {
            matches!(error, EncodingError::UnsupportedVersion { found: 2, .. })
        }),
        (&longer, |error| {
            matches!(error, EncodingError::TrailingBytes { .. })
        }),
        (&whole[..whole.len() - 5], |error| {
            matches!(error, EncodingError::Truncated { .. })
        }),
        (&indirect, |error| {
            matches!(error, EncodingError::NotDeterministic { .. })
        }),
    ];
    for (bytes, is_reason) in cases {
        let error = LogExport::from_bytes(bytes).expect_err("no export");
        assert!(is_reason(&error), "{bytes:02x?}: {error}");
    }
}

proptest! {
    #[test]
    fn an_export_comes_back_as_it_was_written(
        leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
        checkpoint in any::<String>(),
    ) {
        let bytes = export(&leaves, &checkpoint);
        let read = LogExport::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&read.leaves, &leaves);
        prop_assert_eq!(read.checkpoint, &checkpoint);
        for end in 0..bytes.len() {
            prop_assert!(LogExport::from_bytes(&bytes[..end]).is_err(), "cut off at {}", end);
        }
    }

    #[test]
    fn whatever_is_read_has_one_form(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut document = LogExport::header();
        document.extend(bytes);
        if let Ok(read) = LogExport::from_bytes(&document) {
            let leaves: Vec<Vec<u8>> = read.leaves.iter().map(|leaf| leaf.to_vec()).collect();
            prop_assert_eq!(export(&leaves, read.checkpoint), document);
        }
    }
}
