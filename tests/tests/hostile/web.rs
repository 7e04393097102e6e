//! What a hostile guest finds outside its sandbox: the answers of its verdict, one directory, and nothing
//! else.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use cryptlet_container::{
    BuildError, DirectoryEntry, EncodedCall, FileError, FileStatus, HttpError, HttpLimits,
    HttpRequest, HttpResponse, KeyAlgorithm, KeyError, Opened, PublicKey, Services,
    SubmissionStatus,
};
use cryptlet_fabric::{Directories, Web};
use tempfile::TempDir;

use crate::verdict::Exchange;

/// A directory that bindings grant as `documents`: a letter in it, a secret beside it, and a link from
/// one to the other.
static DISK: LazyLock<Disk> = LazyLock::new(|| Disk::new().expect("a folder for temporary files"));

struct Disk {
    directories: Directories,
    _place: TempDir,
}

impl Disk {
    fn new() -> std::io::Result<Disk> {
        let place = tempfile::tempdir()?;
        let documents = place.path().join("documents");
        std::fs::create_dir(&documents)?;
        std::fs::write(place.path().join("secret"), "nobody may read this")?;
        std::fs::write(documents.join("letter"), "x".repeat(100_000))?;
        symlink("../secret", documents.join("link"))?;
        let places = BTreeMap::from([("documents".to_owned(), documents)]);
        Ok(Disk {
            directories: Directories::new(places),
            _place: place,
        })
    }
}

/// Answers what it is told to, in order, or what a web does.
#[derive(Default)]
pub struct Outside {
    exchanges: Vec<Exchange>,
    /// A web that answers instead.
    web: Option<Arc<dyn Web>>,
    /// How often something was asked for.
    pub asked: AtomicUsize,
}

impl Outside {
    pub fn answering(exchanges: &[Exchange]) -> Outside {
        Outside {
            exchanges: exchanges.to_vec(),
            ..Outside::default()
        }
    }

    /// Answers what this web answers.
    pub fn on(web: Arc<dyn Web>) -> Outside {
        Outside {
            web: Some(web),
            ..Outside::default()
        }
    }

    /// Whether everything was asked for that should be.
    pub fn is_spent(&self) -> bool {
        self.asked.load(Ordering::SeqCst) == self.exchanges.len()
    }
}

impl Services for Outside {
    fn fetch(&self, request: &HttpRequest, limits: &HttpLimits) -> Result<HttpResponse, HttpError> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(web) = &self.web {
            return web.fetch(request, limits);
        }
        match self.exchanges.get(asked) {
            Some(exchange) if exchange.url == request.url => match &exchange.denied {
                Some(reason) => Err(HttpError::Denied(reason.clone())),
                None => Ok(HttpResponse {
                    status: exchange.status,
                    headers: exchange.headers.clone().into_iter().collect(),
                    body: exchange.body.clone().into_bytes(),
                }),
            },
            // Not `Denied`: the container must have said that before.
            _ => Err(HttpError::Invalid(format!(
                "{} was let through",
                request.url
            ))),
        }
    }

    fn open_file(&self, directory: &str, path: &str, most: u64) -> Result<Opened, FileError> {
        DISK.directories.open_file(directory, path, most)
    }

    fn file_status(&self, directory: &str, path: &str) -> Result<FileStatus, FileError> {
        DISK.directories.file_status(directory, path)
    }

    fn list_directory(
        &self,
        directory: &str,
        path: &str,
        most: u64,
    ) -> Result<Vec<DirectoryEntry>, FileError> {
        DISK.directories.list_directory(directory, path, most)
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        call_encoding(action, fields)
    }

    fn submission_status(&self, _: u64) -> Option<SubmissionStatus> {
        None
    }

    fn next_submission(&self) -> u64 {
        1
    }

    fn public_key(&self, _: &str) -> Result<PublicKey, KeyError> {
        Ok(PublicKey {
            algorithm: KeyAlgorithm::Ed25519,
            bytes: vec![1; 32],
        })
    }

    /// The message itself, so that a guest sees whether it got here.
    fn sign(&self, _: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(message.to_vec())
    }
}

/// Knows one action, and takes any fields.
pub fn call_encoding(action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
    match action {
        "settle" => Ok(EncodedCall {
            digest: [9; 32],
            bytes: fields.to_vec(),
        }),
        _ => Err(BuildError::UnknownAction(action.to_owned())),
    }
}
