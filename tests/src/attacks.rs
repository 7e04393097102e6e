//! What the chain and the host must refuse, tried for real.

mod chain;
mod host;

pub use chain::on_the_chain;
pub use host::on_the_host;

/// One attempt and how it ended.
#[derive(Clone, Debug)]
pub struct Attack {
    /// What was tried.
    pub what: &'static str,
    /// What must stop it.
    pub expected: &'static str,
    /// What did.
    pub stopped_by: String,
}

impl Attack {
    /// Whether it was stopped by what should stop it.
    #[must_use]
    pub fn is_repelled(&self) -> bool {
        self.stopped_by.contains(self.expected)
    }
}
