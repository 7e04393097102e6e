//! Directories that the binding grants: what is asked of the host, counted and recorded.

use bytes::Bytes;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sync::filesystem::preopens;

use super::Guest;
use crate::files::{
    self, DirectoryEntry, FileError, FileStatus, Opened, in_order, listing_bytes, resolve,
};
use crate::transcript::Record;

/// What a guest's descriptor stands for. The engine's type for it needs a file of the machine, so only
/// its handle is given out, and this lies under the same number.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) directory: String,
    /// Below it; empty for itself.
    pub(super) path: String,
    /// What a file held when it was opened; none for a directory.
    pub(super) content: Option<Bytes>,
}

impl preopens::Host for Guest {
    fn get_directories(
        &mut self,
    ) -> wasmtime::Result<Vec<(Resource<preopens::Descriptor>, String)>> {
        self.enter_wasi()?;
        let cryptlet = self.cryptlet.clone();
        let asked = &cryptlet.manifest().capabilities.directories;
        let mut directories = Vec::new();
        for name in asked {
            if self.grants.directories.contains_key(name) {
                let root = Node {
                    directory: name.clone(),
                    path: String::new(),
                    content: None,
                };
                directories.push((self.descriptor(root)?, format!("/{name}")));
            }
        }
        Ok(directories)
    }
}

impl Guest {
    pub(super) fn descriptor(
        &mut self,
        node: Node,
    ) -> wasmtime::Result<Resource<preopens::Descriptor>> {
        let place = self.table.push(node)?;
        Ok(Resource::new_own(place.rep()))
    }

    /// Opens what `path` means in the folder `at`.
    pub(super) fn open(
        &mut self,
        at: &Node,
        path: &str,
    ) -> wasmtime::Result<Result<Node, FileError>> {
        let path = match below(at, path) {
            Ok(path) => path,
            Err(error) => return Ok(Err(error)),
        };
        let left = self.bytes_left(&at.directory);
        let answer = self
            .services()
            .open_file(&at.directory, &path, left)
            .and_then(|opened| match opened.size() <= left {
                true => Ok(opened),
                false => Err(FileError::TooLarge),
            });
        self.has_answer()?;
        self.count_read(&at.directory, files::opening_bytes(&answer, left));
        let node = answer.as_ref().map_err(|error| *error).map(|opened| Node {
            directory: at.directory.clone(),
            path: path.clone(),
            content: match opened {
                Opened::File(content) => Some(Bytes::copy_from_slice(content)),
                Opened::Directory => None,
            },
        });
        self.record(Record::OpenFile {
            directory: at.directory.clone(),
            path,
            answer,
        })?;
        Ok(node)
    }

    /// What `path` means in the folder `at`, with its whole path.
    pub(super) fn status(
        &mut self,
        at: &Node,
        path: &str,
    ) -> wasmtime::Result<Result<(FileStatus, String), FileError>> {
        let path = match below(at, path) {
            Ok(path) => path,
            Err(error) => return Ok(Err(error)),
        };
        let answer = self.services().file_status(&at.directory, &path);
        self.has_answer()?;
        self.record(Record::FileStatus {
            directory: at.directory.clone(),
            path: path.clone(),
            answer,
        })?;
        Ok(answer.map(|status| (status, path)))
    }

    /// The entries of an open directory.
    pub(super) fn entries(
        &mut self,
        of: &Node,
    ) -> wasmtime::Result<Result<Vec<DirectoryEntry>, FileError>> {
        if of.content.is_some() {
            return Ok(Err(FileError::NotDirectory));
        }
        let left = self.bytes_left(&of.directory);
        let answer = self
            .services()
            .list_directory(&of.directory, &of.path, left)
            .and_then(in_order)
            .and_then(|entries| match listing_bytes(&entries) <= left {
                true => Ok(entries),
                false => Err(FileError::TooLarge),
            });
        self.has_answer()?;
        self.count_read(&of.directory, files::entries_bytes(&answer, left));
        self.record(Record::ListDirectory {
            directory: of.directory.clone(),
            path: of.path.clone(),
            answer: answer.clone(),
        })?;
        Ok(answer)
    }

    /// What the grant lets this run still read.
    fn bytes_left(&self, directory: &str) -> u64 {
        let granted = self.grants.directories.get(directory);
        let read = self.wasi.read.get(directory).copied().unwrap_or(0);
        granted.map_or(0, |grant| grant.bytes.saturating_sub(read))
    }

    fn count_read(&mut self, directory: &str, bytes: u64) {
        let read = self.wasi.read.entry(directory.to_owned()).or_default();
        *read = read.saturating_add(bytes);
    }
}

fn below(at: &Node, path: &str) -> Result<String, FileError> {
    match at.content {
        Some(_) => Err(FileError::NotDirectory),
        None => resolve(&at.path, path),
    }
}
