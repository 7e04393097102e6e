//! `#[message]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Fields, Ident, ItemStruct, LitStr, Path, Result, Token, parse_quote};

pub fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let given_name = parse_name(arguments)?;
    let mut item: ItemStruct = syn::parse2(item)?;
    let Fields::Named(fields) = &mut item.fields else {
        return Err(Error::new_spanned(
            &item.ident,
            "a message has named fields: write `struct Name { field: Type, … }`",
        ));
    };
    if let Some(parameter) = item.generics.type_params().next() {
        return Err(Error::new_spanned(
            parameter,
            "a message has one schema, so its type takes lifetimes but no type parameters",
        ));
    }
    for field in &mut fields.named {
        field
            .attrs
            .push(parse_quote!(#[serde(with = "::cryptlet_sdk::__private::field")]));
    }

    let (name, action) = match given_name {
        Some(name) => (name.clone(), name),
        None => {
            let name = item.ident.to_string().trim_start_matches("r#").to_owned();
            let action = with_small_first_letter(&name);
            (name, action)
        }
    };
    let derives = derives_beside(&item.attrs)?;
    let ident = &item.ident;
    let (generics, arguments, conditions) = item.generics.split_for_impl();
    let mut reading = item.generics.clone();
    reading.params.insert(0, parse_quote!('de));
    reading
        .make_where_clause()
        .predicates
        .push(parse_quote!(#ident #arguments: ::cryptlet_sdk::__private::serde::Deserialize<'de>));
    let (reading_generics, _, reading_conditions) = reading.split_for_impl();

    Ok(quote! {
        #[derive(
            #(#derives,)*
            ::cryptlet_sdk::__private::serde::Serialize,
            ::cryptlet_sdk::__private::serde::Deserialize,
        )]
        #[serde(
            crate = "::cryptlet_sdk::__private::serde",
            rename_all = "camelCase",
            deny_unknown_fields
        )]
        #item

        impl #generics ::cryptlet_sdk::Message for #ident #arguments #conditions {
            const NAME: &'static str = #name;
            const ACTION: &'static str = #action;
        }

        impl #generics ::cryptlet_sdk::Field for #ident #arguments #conditions {
            fn serialize_field<S: ::cryptlet_sdk::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                ::cryptlet_sdk::__private::serde::Serialize::serialize(self, serializer)
            }
        }

        impl #reading_generics ::cryptlet_sdk::FieldFrom<'de> for #ident #arguments #reading_conditions {
            fn deserialize_field<D: ::cryptlet_sdk::__private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                ::cryptlet_sdk::__private::object(deserializer)
            }
        }
    })
}

/// The name in `#[message(name = "…")]`.
fn parse_name(arguments: TokenStream) -> Result<Option<String>> {
    let mut name = None;
    let parser = syn::meta::parser(|meta| {
        if !meta.path.is_ident("name") {
            return Err(meta.error("the only argument is name = \"…\""));
        }
        let given: LitStr = meta.value()?.parse()?;
        if syn::parse_str::<Ident>(&given.value()).is_err() {
            return Err(Error::new_spanned(
                &given,
                "a message's name is an identifier",
            ));
        }
        name = Some(given.value());
        Ok(())
    });
    parser.parse2(arguments)?;
    Ok(name)
}

fn with_small_first_letter(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// What every message derives, less what its author derives already.
fn derives_beside(attributes: &[Attribute]) -> Result<Vec<Path>> {
    let mut present: Vec<Ident> = Vec::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
    {
        let paths = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)?;
        present.extend(
            paths
                .iter()
                .filter_map(|path| Some(path.segments.last()?.ident.clone())),
        );
    }
    let wanted = [
        ("clone", "Clone"),
        ("fmt", "Debug"),
        ("cmp", "PartialEq"),
        ("cmp", "Eq"),
    ];
    Ok(wanted
        .iter()
        .filter(|(_, name)| !present.iter().any(|ident| ident == name))
        .map(|(module, name)| {
            let module = Ident::new(module, Span::call_site());
            let name = Ident::new(name, Span::call_site());
            parse_quote!(::core::#module::#name)
        })
        .collect())
}
