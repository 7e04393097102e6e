//! The binding's private state.

use core::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::{Current, Host};
use crate::{Error, Result};

/// Keys and values that outlive a run. Changes are committed with the run or not at
/// all, and a run sees its own.
///
/// Values are JSON through serde, or raw bytes. Every call counts against the
/// manifest's `host-calls`, every value written against `output-bytes`.
///
/// ```
/// # use cryptlet_sdk::prelude::*;
/// fn next_period(cx: &mut Context) -> Result<u32> {
///     let last: u32 = cx.state().get("last-period")?.unwrap_or(0);
///     cx.state().set("last-period", &(last + 1))?;
///     Ok(last + 1)
/// }
/// ```
pub struct State<'context> {
    context: PhantomData<&'context mut ()>,
}

/// How many keys one host call brings at most.
const PAGE: u32 = 64;

impl State<'_> {
    pub(crate) fn of<C>(_: &mut C) -> State<'_> {
        State {
            context: PhantomData,
        }
    }

    /// The value under `key`, if there is one.
    ///
    /// # Errors
    ///
    /// `invalid-state`, naming the key, if the value there is not JSON of this shape.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        self.get_bytes(key)
            .map(|bytes| serde_json::from_slice(&bytes).map_err(|reason| unfit(key, &reason)))
            .transpose()
    }

    /// Puts a value under `key`, in place of any that is there.
    ///
    /// # Errors
    ///
    /// `invalid-state`, naming the key, if the value refuses to be serialised.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<()> {
        let bytes = serde_json::to_vec(value).map_err(|reason| unfit(key, &reason))?;
        self.set_bytes(key, &bytes);
        Ok(())
    }

    /// The bytes under `key`, if there are any.
    pub fn get_bytes(&self, key: &str) -> Option<Vec<u8>> {
        Current::state_get(key)
    }

    /// Puts bytes under `key`, in place of any that are there.
    pub fn set_bytes(&mut self, key: &str, value: &[u8]) {
        Current::state_set(key, value);
    }

    /// Takes away what is under `key`, if anything.
    pub fn remove(&mut self, key: &str) {
        Current::state_remove(key);
    }

    /// All keys with this prefix, in byte order.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let page = Current::state_keys(prefix, keys.last().map(String::as_str), PAGE);
            let whole = page.len() == PAGE as usize;
            keys.extend(page);
            if !whole {
                return keys;
            }
        }
    }
}

fn unfit(key: &str, reason: &serde_json::Error) -> Error {
    Error::new("invalid-state", format!("state `{key}`: {reason}"))
}
