//! `#[migrate]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Item, ItemFn, Result};

pub fn expand(arguments: &TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(
            arguments,
            "takes no arguments: the state version stands in cryptlet.toml, under [state]",
        ));
    }
    let Item::Fn(function) = syn::parse2(item.clone())? else {
        return Err(Error::new_spanned(
            item,
            "belongs on a `fn name(cx: &mut Migration, from: u32) -> Result<()>`",
        ));
    };
    check(&function)?;
    let name = &function.sig.ident;
    Ok(quote! {
        #function

        // Natively nobody calls it but tests; its signature is checked all the same.
        const _: fn(&mut ::cryptlet_sdk::Migration, u32) -> ::cryptlet_sdk::Result<()> = #name;

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Migrates;

            impl ::cryptlet_sdk::__private::MigrationGuest for Migrates {
                fn migrate(
                    from: u32,
                ) -> ::core::result::Result<(), ::cryptlet_sdk::__private::Failure> {
                    ::cryptlet_sdk::__private::migrate(from, #name)
                }
            }

            ::cryptlet_sdk::__private::export_migration!(
                Migrates with_types_in ::cryptlet_sdk::__private::migration_bindings
            );
        };
    })
}

fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let mistake = if signature.asyncness.is_some() {
        Some("a migration is not async: every host call answers before it returns")
    } else if !signature.generics.params.is_empty() {
        Some("a migration has no parameters of its type: nobody could choose them")
    } else if signature.inputs.len() != 2 {
        Some("a migration takes two things: `cx: &mut Migration` and `from: u32`")
    } else {
        None
    };
    mistake.map_or(Ok(()), |text| Err(Error::new_spanned(signature, text)))
}
