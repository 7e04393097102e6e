//! `#[contract]` and `#[utility]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, Item, ItemFn, ItemMod, Result};

#[derive(Clone, Copy)]
pub enum Kind {
    Contract,
    Utility,
}

impl Kind {
    fn marker(self) -> TokenStream {
        match self {
            Self::Contract => quote!(::cryptlet_sdk::Contract),
            Self::Utility => quote!(::cryptlet_sdk::Utility),
        }
    }
}

pub fn expand(kind: Kind, arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(
            arguments,
            "takes no arguments: limits and capabilities stand in cryptlet.toml",
        ));
    }
    match syn::parse2(item)? {
        Item::Fn(function) => expand_function(kind, &function),
        Item::Mod(module) => expand_module(kind, module),
        other => Err(Error::new_spanned(
            other,
            "belongs on a handler `fn name(cx: &mut Context, input: …) -> Result<…>`, or on a \
             `mod name { … }` whose handlers are marked #[handler]",
        )),
    }
}

fn expand_function(kind: Kind, function: &ItemFn) -> Result<TokenStream> {
    check_handler(function)?;
    let name = &function.sig.ident;
    let dispatch = dispatch(kind, &[name]);
    let export = export(kind, &quote!(dispatch));
    Ok(quote! {
        #function

        const _: () = {
            #dispatch
            #export
        };
    })
}

fn expand_module(kind: Kind, mut module: ItemMod) -> Result<TokenStream> {
    let module_name = module.ident.clone();
    let Some((_, items)) = &mut module.content else {
        return Err(Error::new_spanned(
            module,
            "needs the module's body here: `mod name { … }`",
        ));
    };
    let mut handlers: Vec<Ident> = Vec::new();
    for item in items.iter_mut() {
        let Item::Fn(function) = item else { continue };
        let before = function.attrs.len();
        function
            .attrs
            .retain(|attribute| !attribute.path().is_ident("handler"));
        if function.attrs.len() < before {
            check_handler(function)?;
            handlers.push(function.sig.ident.clone());
        }
    }
    if handlers.is_empty() {
        return Err(Error::new(
            module_name.span(),
            "no handler in here: mark at least one function with #[handler]",
        ));
    }
    let dispatch = dispatch(kind, &handlers.iter().collect::<Vec<_>>());
    items.push(Item::Verbatim(dispatch));
    let export = export(kind, &quote!(#module_name::dispatch));
    Ok(quote! {
        #module

        const _: () = {
            #export
        };
    })
}

fn check_handler(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let mistake = if signature.asyncness.is_some() {
        Some("a handler is not async: every host call answers before it returns")
    } else if signature.generics.type_params().next().is_some() {
        Some("a handler has no type parameters: nobody could choose them")
    } else if signature.inputs.len() != 2 {
        Some("a handler takes two things: `cx: &mut Context` and its input")
    } else {
        None
    };
    mistake.map_or(Ok(()), |text| Err(Error::new_spanned(signature, text)))
}

/// A function that offers a trigger to each handler in turn.
fn dispatch(kind: Kind, handlers: &[&Ident]) -> TokenStream {
    let marker = kind.marker();
    quote! {
        /// Offers a trigger to the handlers, in the order in which they stand here.
        ///
        /// # Errors
        ///
        /// The handler's own; `unexpected-trigger` if none takes it.
        pub fn dispatch(
            trigger: ::cryptlet_sdk::Dispatch<'_, #marker>,
        ) -> ::cryptlet_sdk::Result<::std::vec::Vec<u8>> {
            trigger #(.offer(#handlers))* .finish()
        }
    }
}

/// The component's export.
fn export(kind: Kind, dispatch: &TokenStream) -> TokenStream {
    let marker = kind.marker();
    quote! {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Cryptlet;

            impl ::cryptlet_sdk::__private::Guest for Cryptlet {
                fn handle(
                    invocation: ::cryptlet_sdk::__private::Invocation,
                ) -> ::core::result::Result<::std::vec::Vec<u8>, ::cryptlet_sdk::__private::Failure>
                {
                    ::cryptlet_sdk::__private::handle::<#marker>(invocation, #dispatch)
                }
            }

            ::cryptlet_sdk::__private::export_cryptlet!(
                Cryptlet with_types_in ::cryptlet_sdk::__private::bindings
            );
        };
    }
}
