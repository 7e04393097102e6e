//! Where events go: to standard error, and as JSON lines to a file a day in the state folder.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use cryptlet_fabric::{LogFormat, Service};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

/// What log files are called: this, the day, and `jsonl`.
pub const FILE_PREFIX: &str = "cryptlet";
/// What the name of a log file ends with.
pub const FILE_SUFFIX: &str = "jsonl";

/// The folder of a state folder's log files.
#[must_use]
pub fn folder(state: &Path) -> PathBuf {
    state.join("logs")
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoggingError {
    /// The filter is none.
    #[error("service.log: \"{filter}\" is no filter: {reason}; take a level such as \"info\"")]
    Filter {
        /// What was configured.
        filter: String,
        /// What does not fit.
        reason: String,
    },
    /// The folder could not be made or written.
    #[error("cannot write log files to {folder}: {reason}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Somebody else has set up logging in this process.
    #[error("logging is set up already")]
    Twice,
}

/// Whether the standard error shows colours, as `--color`, the terminal and `NO_COLOR` have it.
fn coloured() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Keeps the log files open; what is not written yet is written when this is dropped.
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    _writer: WorkerGuard,
}

impl Logging {
    /// Sets up logging for the whole process.
    ///
    /// # Errors
    ///
    /// If the filter is none, the folder cannot be written, or logging is set up already.
    pub fn start(state: &Path, settings: &Service) -> Result<Self, LoggingError> {
        let (filter, handle) = reload::Layer::new(filter(&settings.log)?);
        let (writer, guard) = tracing_appender::non_blocking(files(state, settings)?);
        let to_files = fmt::layer().json().flatten_event(true).with_writer(writer);
        let to_terminal = match settings.log_format {
            LogFormat::Text => fmt::layer()
                .with_ansi(coloured())
                .with_writer(io::stderr)
                .boxed(),
            LogFormat::Json => fmt::layer()
                .json()
                .flatten_event(true)
                .with_writer(io::stderr)
                .boxed(),
        };
        tracing_subscriber::registry()
            .with(filter)
            .with(to_files)
            .with(to_terminal)
            .try_init()
            .map_err(|_| LoggingError::Twice)?;
        Ok(Self {
            filter: handle,
            _writer: guard,
        })
    }

    /// Logs what `wanted` says from here on.
    ///
    /// # Errors
    ///
    /// If it is no filter; then the one before stays.
    pub fn set_filter(&self, wanted: &str) -> Result<(), LoggingError> {
        let next = filter(wanted)?;
        self.filter
            .reload(next)
            .map_err(|error| LoggingError::Filter {
                filter: wanted.into(),
                reason: error.to_string(),
            })
    }
}

fn filter(wanted: &str) -> Result<EnvFilter, LoggingError> {
    EnvFilter::try_new(wanted).map_err(|error| LoggingError::Filter {
        filter: wanted.into(),
        reason: error.to_string(),
    })
}

fn files(state: &Path, settings: &Service) -> Result<RollingFileAppender, LoggingError> {
    let folder = folder(state);
    let failed = |reason: String| LoggingError::Folder {
        folder: folder.clone(),
        reason,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|error| failed(error.to_string()))?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(FILE_PREFIX)
        .filename_suffix(FILE_SUFFIX)
        .max_log_files(usize::try_from(settings.log_days).unwrap_or(usize::MAX))
        .build(&folder)
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_named() {
        assert!(filter("info,cryptlet_ledger=debug").is_ok());
        let refusal = filter("info,=").expect_err("no filter").to_string();
        assert!(refusal.contains("info,=") && refusal.contains("service.log"));
    }

    #[test]
    fn log_files_are_in_a_folder_of_their_own() -> Result<(), Box<dyn std::error::Error>> {
        use std::io::Write as _;
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir()?;
        let mut appender = files(state.path(), &Service::default())?;
        appender.write_all(b"{}\n")?;
        let mode = std::fs::metadata(folder(state.path()))?
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
        let names: Vec<String> = std::fs::read_dir(folder(state.path()))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<_>>()?;
        assert_eq!(names.len(), 1);
        assert!(names[0].starts_with(FILE_PREFIX) && names[0].ends_with(FILE_SUFFIX));
        Ok(())
    }
}
