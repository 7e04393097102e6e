//! Texts as a manifest: what reads keeps to its bounds, and what does not is told of in its place.

use cryptlet_schema::{Limits, Manifest};

/// Whether it was read.
pub fn check(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    match Manifest::parse(text) {
        Ok(manifest) => {
            let limits = manifest.limits.entries();
            for ((name, asked), (_, most)) in limits.iter().zip(Limits::MAXIMUM.entries()) {
                assert!(*asked <= most, "{name}: {asked}");
            }
            let commented = format!("{text}\n# the same\n");
            assert_eq!(Manifest::parse(&commented), Ok(manifest));
            true
        }
        Err(error) => {
            assert!(error.line >= 1 && error.column >= 1, "{error}");
            assert!(error.line <= text.lines().count() + 1, "{error}");
            assert!(
                !error.reason.is_empty() && !error.remedy.is_empty(),
                "{error}"
            );
            false
        }
    }
}
