//! Lines for the people who watch, and what a panic says.

use core::fmt;

use crate::host::{Current, Host};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever is looking for a mistake.
    Debug,
    /// Worth knowing.
    Info,
    /// Odd, but dealt with.
    Warn,
    /// Wrong.
    Error,
}

/// Writes one line. The manifest's `log-bytes` bounds what a run may write.
#[doc(hidden)]
pub fn line(level: Level, message: fmt::Arguments<'_>) {
    match message.as_str() {
        Some(text) => Current::log(level, text),
        None => Current::log(level, &message.to_string()),
    }
}

/// Makes a panic say where and why before it traps.
///
/// Every use of a log macro registers this to run before the handler does, and
/// nothing else does: a cryptlet that never logs must not import `log` for the sake
/// of its panics.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub extern "C" fn report_panics() {
    use core::sync::atomic::{AtomicBool, Ordering};

    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.swap(true, Ordering::Relaxed) {
        std::panic::set_hook(Box::new(|panic| {
            line(Level::Error, format_args!("{panic}"))
        }));
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($message:tt)+) => {{
        #[cfg(target_family = "wasm")]
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static BEFORE_THE_HANDLER: extern "C" fn() = $crate::log::report_panics;
        };
        $crate::log::line($crate::log::Level::$level, ::core::format_args!($($message)+))
    }};
}

/// Logs a line for whoever is looking for a mistake. Needs `log` in the manifest.
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::__log!(Debug, $($message)+) };
}

/// Logs a line that is worth knowing. Needs `log` in the manifest.
///
/// ```
/// # use cryptlet_sdk::prelude::*;
/// # #[message] struct Tick {}
/// #[cryptlet_sdk::contract]
/// fn on_tick(cx: &mut Context, _: Tick) -> Result<()> {
///     info!("invocation {} at {}", cx.invocation(), cx.instant());
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::__log!(Info, $($message)+) };
}

/// Logs a line about something odd that has been dealt with. Needs `log` in the manifest.
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::__log!(Warn, $($message)+) };
}

/// Logs a line about something wrong. Needs `log` in the manifest.
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => { $crate::__log!(Error, $($message)+) };
}
