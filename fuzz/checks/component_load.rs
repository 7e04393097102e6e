//! Bytes as a component: whatever they are, the container loads them or says why not.

use std::sync::LazyLock;

use cryptlet_attest::Measurement;
use cryptlet_container::{Container, Settings, manifest_of};

static CONTAINER: LazyLock<Container> = LazyLock::new(|| {
    Container::new(Settings {
        instances: 4,
        component_bytes: 64 << 10,
        ..Settings::default()
    })
    .expect("the container starts")
});

/// Whether it was loaded.
pub fn check(bytes: &[u8]) -> bool {
    match CONTAINER.load(bytes) {
        Ok(cryptlet) => {
            assert_eq!(cryptlet.measurement(), Measurement::of(bytes));
            assert_eq!(cryptlet.size(), bytes.len());
            let manifest = manifest_of(bytes).expect("what loads has a manifest");
            assert_eq!(*cryptlet.manifest(), manifest);
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}
