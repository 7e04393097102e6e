//! A guest by hand: what `cryptlet_sdk` and `wit-bindgen` write for an author, cut down to a
//! handler that always fails, so that the tests of the build compile one file and nothing else.

#![allow(clippy::missing_safety_doc)]

use std::alloc::{Layout, alloc, realloc};

#[unsafe(link_section = "component-type:probe")]
pub static WORLD: [u8; include_bytes!("../component-type.wasm").len()] =
    *include_bytes!("../component-type.wasm");

/// Memory for what the host hands over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_size: usize,
    align: usize,
    size: usize,
) -> *mut u8 {
    let layout = |size| Layout::from_size_align(size, align).expect("the host asks for a layout");
    match old_size {
        0 => unsafe { alloc(layout(size)) },
        _ => unsafe { realloc(old, layout(old_size), size) },
    }
}

/// `handle: func(invocation) -> result<json, failure>`: sixteen flat values or more go by pointer.
#[unsafe(export_name = "cryptlet:fabric/cryptlet@0.1.0#handle")]
pub unsafe extern "C" fn handle(invocation: *const u32) -> *const u32 {
    let number = unsafe { *invocation };
    let words = if cfg!(feature = "loud") { "LOUD AND CLEAR" } else { "quiet" };
    assert!(number != 0, "{words} at {} in {}", file!(), env!("CARGO_PKG_NAME"));
    Box::leak(Box::new([1, 0, 0, words.as_ptr() as u32, words.len() as u32])).as_ptr()
}
