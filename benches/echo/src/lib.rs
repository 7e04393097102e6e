//! Answers with the message it got: the least that a guest in Rust can do with what it is told.

// Its exports have names that only WebAssembly knows.
#![cfg(target_family = "wasm")]

use cryptlet::fabric::types::{Failure, Invocation, Trigger};

wit_bindgen::generate!({
    path: "../../wit",
    world: "contract-cryptlet",
    generate_all,
});

struct Echo;

impl exports::cryptlet::fabric::cryptlet::Guest for Echo {
    fn handle(invocation: Invocation) -> Result<Vec<u8>, Failure> {
        match invocation.trigger {
            Trigger::Message(message) => Ok(message.body),
            _ => Err(Failure {
                code: "unexpected-trigger".into(),
                message: "it answers messages".into(),
            }),
        }
    }
}

export!(Echo);
