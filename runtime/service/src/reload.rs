//! Reading the configuration again while the service runs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use cryptlet_fabric::{Configuration, Runs, Service};
use sd_notify::NotifyState;

use crate::logging::Logging;
use crate::serve::notify_supervisor;
use crate::state::ServiceState;

/// What is needed to read it again.
pub(crate) struct Reloading {
    folder: PathBuf,
    /// As it is in force.
    current: Configuration,
    /// The command line's word against the file's.
    listen: Option<SocketAddr>,
    logging: Option<Logging>,
}

impl Reloading {
    pub(crate) fn new(
        folder: PathBuf,
        current: Configuration,
        listen: Option<SocketAddr>,
        logging: Option<Logging>,
    ) -> Self {
        Self {
            folder,
            current,
            listen,
            logging,
        }
    }

    /// Takes over what can change while the service runs, and says what cannot. A file that is not
    /// understood changes nothing.
    pub(crate) fn reload(&mut self, state: &Arc<ServiceState>) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            notify_supervisor(&[NotifyState::Reloading, now]);
        }
        match self.read() {
            Ok(next) => self.apply(next, state),
            Err(error) => tracing::error!(error, "everything stays as it was"),
        }
        notify_supervisor(&[NotifyState::Ready]);
    }

    fn read(&self) -> Result<Configuration, String> {
        let next = Configuration::read(&self.folder).map_err(|error| error.to_string())?;
        crate::tokens::Tokens::read(&self.folder).map_err(|error| error.to_string())?;
        if let Some(logging) = &self.logging {
            logging
                .set_filter(&next.service.log)
                .map_err(|error| error.to_string())?;
        }
        Ok(next)
    }

    fn apply(&mut self, next: Configuration, state: &Arc<ServiceState>) {
        let changes = Changes::between(&self.current, &next);
        for key in &changes.in_force {
            tracing::info!(key, "changed");
        }
        for key in &changes.after_restart {
            tracing::warn!(
                key,
                "changed in fabric.toml; it takes a restart to come into force"
            );
        }
        if changes.in_force.is_empty() && changes.after_restart.is_empty() {
            tracing::info!("the configuration has not changed");
        }
        let mut settings = next.service.clone();
        let kept = &self.current.service;
        settings.listen = self.listen.unwrap_or(kept.listen);
        settings.allow_remote = kept.allow_remote;
        settings.log_format = kept.log_format;
        settings.log_days = kept.log_days;
        state.set_settings(settings.clone());
        state.fabric.share(&next);
        self.current.runs.queue = next.runs.queue;
        self.current.bindings = next.bindings;
        self.current.service = Service {
            listen: kept.listen,
            ..settings
        };
    }
}

/// Keys that differ.
struct Changes {
    in_force: Vec<&'static str>,
    after_restart: Vec<&'static str>,
}

impl Changes {
    fn between(current: &Configuration, next: &Configuration) -> Self {
        // Taken apart, so that a key that is added must be given its place here.
        let Service {
            listen,
            allow_remote,
            poll_milliseconds,
            requests_per_second,
            burst,
            body_bytes,
            queue,
            wait_seconds,
            drain_seconds,
            log,
            log_format,
            log_days,
        } = &next.service;
        let Runs {
            slots,
            queue: queue_of_all,
            compiled_code_bytes,
        } = &next.runs;
        let (old, runs) = (&current.service, &current.runs);
        let in_force = [
            (
                "service.poll-milliseconds",
                *poll_milliseconds != old.poll_milliseconds,
            ),
            (
                "service.requests-per-second",
                *requests_per_second != old.requests_per_second,
            ),
            ("service.burst", *burst != old.burst),
            ("service.body-bytes", *body_bytes != old.body_bytes),
            ("service.queue", *queue != old.queue),
            ("service.wait-seconds", *wait_seconds != old.wait_seconds),
            ("service.drain-seconds", *drain_seconds != old.drain_seconds),
            ("service.log", *log != old.log),
            ("runs.queue", *queue_of_all != runs.queue),
            ("bindings", next.bindings != current.bindings),
        ];
        let after_restart = [
            ("fabric", next.fabric != current.fabric),
            ("ledgers", next.ledgers != current.ledgers),
            ("limits", next.limits != current.limits),
            ("compilation", next.compilation != current.compilation),
            ("log", next.log != current.log),
            ("directories", next.directories != current.directories),
            ("service.listen", *listen != old.listen),
            ("service.allow-remote", *allow_remote != old.allow_remote),
            ("service.log-format", *log_format != old.log_format),
            ("service.log-days", *log_days != old.log_days),
            ("runs.slots", *slots != runs.slots),
            (
                "runs.compiled-code-bytes",
                *compiled_code_bytes != runs.compiled_code_bytes,
            ),
        ];
        Self {
            in_force: differing(&in_force),
            after_restart: differing(&after_restart),
        }
    }
}

fn differing(keys: &[(&'static str, bool)]) -> Vec<&'static str> {
    let differing = keys.iter().filter(|(_, differs)| *differs);
    differing.map(|(key, _)| *key).collect()
}
