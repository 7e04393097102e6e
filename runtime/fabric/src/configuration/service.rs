//! Section `[service]`: how the fabric serves.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How `cryptlet serve` listens, how much it takes, and where it logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Service {
    /// Address and port of the API; port 0 takes any that is free.
    #[schema(value_type = String)]
    pub listen: SocketAddr,
    /// Whether other machines may reach the API. It speaks plain HTTP: put TLS in front of it.
    pub allow_remote: bool,
    /// How often nodes are asked for news.
    pub poll_milliseconds: u64,
    /// Requests that one token may make each second in the long run.
    pub requests_per_second: u32,
    /// Requests that one token may make at once.
    pub burst: u32,
    /// Most bytes of a request's body; a component is the largest there is.
    pub body_bytes: u64,
    /// Most invocations of one binding that are accepted and have not run.
    pub queue: u64,
    /// Most seconds that a caller may wait for a reply.
    pub wait_seconds: u64,
    /// Seconds that running work gets when the service is told to stop.
    pub drain_seconds: u64,
    /// Which events are logged, as a filter of `tracing`, such as `info,cryptlet_ledger=debug`.
    pub log: String,
    /// How they look on standard error.
    pub log_format: LogFormat,
    /// Days for which log files are kept.
    pub log_days: u32,
}

/// How events look on standard error; the log files are JSON always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7410)),
            allow_remote: false,
            poll_milliseconds: 1_000,
            requests_per_second: 50,
            burst: 100,
            body_bytes: 32 << 20,
            queue: 1_000,
            wait_seconds: 60,
            drain_seconds: 30,
            log: "info".into(),
            log_format: LogFormat::default(),
            log_days: 14,
        }
    }
}

impl Service {
    /// The first key with a value that cannot be: the key, what is wrong, and the way out.
    pub(super) fn mistake(&self) -> Option<(&'static str, String, &'static str)> {
        if !self.listen.ip().is_loopback() && !self.allow_remote {
            return Some((
                "service.listen",
                format!("{} can be reached from other machines", self.listen),
                "listen on 127.0.0.1, or put TLS in front of the service and set service.allow-remote = true",
            ));
        }
        let numbers = [
            ("service.poll-milliseconds", self.poll_milliseconds),
            (
                "service.requests-per-second",
                self.requests_per_second.into(),
            ),
            ("service.burst", self.burst.into()),
            ("service.body-bytes", self.body_bytes),
            ("service.queue", self.queue),
            ("service.wait-seconds", self.wait_seconds),
            ("service.drain-seconds", self.drain_seconds),
            ("service.log-days", self.log_days.into()),
        ];
        for (key, number) in numbers {
            if number == 0 {
                return Some((key, "0 is too little".into(), "take 1 or more"));
            }
            // TOML has no larger ones.
            if i64::try_from(number).is_err() {
                return Some((key, format!("{number} is too much"), "take less than 2^63"));
            }
        }
        if self.log.trim().is_empty() {
            return Some((
                "service.log",
                "nothing at all would be logged".into(),
                "name a level, such as \"info\"",
            ));
        }
        None
    }
}
