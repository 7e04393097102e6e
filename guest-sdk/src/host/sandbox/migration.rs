//! The WIT package's optional export. Its bindings are their own, because a component exports all of
//! the world that its export macro is for.

use super::Failure;
use crate::Migration;

#[doc(hidden)]
#[allow(missing_docs, reason = "generated; the WIT package documents it")]
#[allow(clippy::all, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "cryptlet:sdk-migration/migrating-cryptlet",
        inline: "
            package cryptlet:sdk-migration;
            world migrating-cryptlet {
                export cryptlet:fabric/migration@0.1.0;
            }
        ",
        with: { "cryptlet:fabric/types@0.1.0": crate::host::sandbox::bindings::cryptlet::fabric::types },
        pub_export_macro: true,
        default_bindings_module: "cryptlet_sdk::__private::migration_bindings",
        export_macro_name: "export_migration",
    });
}

pub use bindings::exports::cryptlet::fabric::migration::Guest;

/// Runs a cryptlet's migration.
pub fn migrate(
    from: u32,
    migration: fn(&mut Migration, u32) -> crate::Result<()>,
) -> Result<(), Failure> {
    migration(&mut Migration::new(), from).map_err(super::failure)
}
