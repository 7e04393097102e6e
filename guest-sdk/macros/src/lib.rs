//! The attributes of `cryptlet-sdk`: `message`, `contract`, `utility`, `migrate`.
//!
//! They are documented, with examples, where authors meet them: in `cryptlet-sdk`,
//! which re-exports them. This crate only holds what a procedural macro must.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod entry;
mod message;
mod migration;

use proc_macro::TokenStream;

/// Makes a struct a message. See `cryptlet_sdk::message`.
#[proc_macro_attribute]
pub fn message(arguments: TokenStream, item: TokenStream) -> TokenStream {
    answer(message::expand(arguments.into(), item.into()))
}

/// Makes a function, or a module of functions, a contract cryptlet. See
/// `cryptlet_sdk::contract`.
#[proc_macro_attribute]
pub fn contract(arguments: TokenStream, item: TokenStream) -> TokenStream {
    answer(entry::expand(
        entry::Kind::Contract,
        arguments.into(),
        item.into(),
    ))
}

/// Makes a function, or a module of functions, a utility cryptlet. See
/// `cryptlet_sdk::utility`.
#[proc_macro_attribute]
pub fn utility(arguments: TokenStream, item: TokenStream) -> TokenStream {
    answer(entry::expand(
        entry::Kind::Utility,
        arguments.into(),
        item.into(),
    ))
}

/// Makes a function the migration of a cryptlet's state. See `cryptlet_sdk::migrate`.
#[proc_macro_attribute]
pub fn migrate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    answer(migration::expand(&arguments.into(), item.into()))
}

fn answer(expansion: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expansion
        .unwrap_or_else(|mistake| mistake.into_compile_error())
        .into()
}
