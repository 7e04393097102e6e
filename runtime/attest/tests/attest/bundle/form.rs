//! One encoding, and nothing else is read.

use crate::strategies;
use cryptlet_attest::EncodingError;
use cryptlet_attest::bundle::Bundle;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_bundle_comes_back_as_it_was_written(bundle in strategies::bundle()) {
        let bytes = bundle.to_bytes();
        prop_assert_eq!(&bytes[..5], b"\xda\x63\x72\x70\x62");
        let read = Bundle::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.to_bytes(), &bytes[..]);
        prop_assert_eq!(format!("{read:?}"), format!("{bundle:?}"));
    }

    #[test]
    fn a_bundle_that_is_cut_off_is_named_truncated(
        bundle in strategies::bundle(),
        at in any::<prop::sample::Index>(),
    ) {
        let bytes = bundle.to_bytes();
        let end = at.index(bytes.len());
        prop_assert_eq!(Bundle::from_bytes(&bytes[..end]).unwrap_err().name(), "truncated");
    }

    #[test]
    fn an_altered_bundle_is_refused_or_is_another_one(
        bundle in strategies::bundle(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let mut bytes = bundle.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(read) = Bundle::from_bytes(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }

    #[test]
    fn whatever_is_read_has_one_form(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let document = [b"\xda\x63\x72\x70\x62".to_vec(), bytes].concat();
        if let Ok(read) = Bundle::from_bytes(&document) {
            prop_assert_eq!(read.to_bytes(), document);
        }
    }

    #[test]
    fn lists_have_one_order_and_nothing_twice(bundle in strategies::bundle()) {
        let refused = |bundle: &Bundle| {
            let error = Bundle::from_bytes(&bundle.to_bytes()).unwrap_err();
            matches!(error, EncodingError::NotInOrder { .. })
        };
        for change in [<[_]>::reverse as fn(&mut [Vec<u8>]), |list| list[1] = list[0].clone()] {
            let mut altered = bundle.clone();
            if altered.modules.len() > 1 {
                change(&mut altered.modules);
                prop_assert!(refused(&altered));
            }
            let mut altered = bundle.clone();
            if altered.evidence.len() > 1 {
                change(&mut altered.evidence);
                prop_assert!(refused(&altered));
            }
        }
        let mut altered = bundle.clone();
        if altered.openings.len() > 1 {
            altered.openings.reverse();
            prop_assert!(refused(&altered));
        }
        let mut altered = bundle.clone();
        if altered.context.len() > 1 {
            altered.context[1].index = altered.context[0].index;
            prop_assert!(refused(&altered));
        }
        let mut altered = bundle;
        if let Some(agreement) = &mut altered.agreement
            && agreement.approvals.len() > 1
        {
            agreement.approvals.reverse();
            prop_assert!(refused(&altered));
        }
    }
}
