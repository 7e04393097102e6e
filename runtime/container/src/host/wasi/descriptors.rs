//! WASI's files, read only. What a file holds is fixed when it is opened; times, numbers and
//! permissions of the host's file system are not shown.

use std::vec::IntoIter;

use cryptlet_attest::digest;
use wasmtime::component::{Resource, ResourceTableError};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::bindings::sync::filesystem::types;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult, IoError};

use super::Guest;
use super::directories::Node;
use super::streams::BYTES_PER_READ;
use crate::files::{DirectoryEntry, EntryKind, FileError, FileStatus};

/// A listing as far as the guest has not read it yet.
type Listing = IntoIter<DirectoryEntry>;

impl types::Host for Guest {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<types::ErrorCode> {
        Ok(error.downcast()?.into())
    }

    fn filesystem_error_code(
        &mut self,
        _: Resource<IoError>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        // No stream over a file ever fails: its content is here already.
        self.enter_wasi()?;
        Ok(None)
    }
}

impl types::HostDescriptor for Guest {
    fn open_at(
        &mut self,
        descriptor: Resource<types::Descriptor>,
        _: types::PathFlags,
        path: String,
        how: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> FsResult<Resource<types::Descriptor>> {
        let at = self.node(&descriptor)?;
        let changing =
            types::OpenFlags::CREATE | types::OpenFlags::EXCLUSIVE | types::OpenFlags::TRUNCATE;
        let writing = types::DescriptorFlags::WRITE | types::DescriptorFlags::MUTATE_DIRECTORY;
        if how.intersects(changing) || flags.intersects(writing) {
            return Err(ErrorCode::ReadOnly.into());
        }
        let node = self.open(&at, &path).map_err(FsError::trap)?;
        let node = node.map_err(code)?;
        if how.contains(types::OpenFlags::DIRECTORY) && node.content.is_some() {
            return Err(ErrorCode::NotDirectory.into());
        }
        self.descriptor(node).map_err(FsError::trap)
    }

    fn read(
        &mut self,
        descriptor: Resource<types::Descriptor>,
        len: u64,
        offset: u64,
    ) -> FsResult<(Vec<u8>, bool)> {
        let content = self.content(&descriptor)?;
        let rest = content.slice(place(offset, content.len())..);
        let read = rest.slice(..place(len, rest.len().min(BYTES_PER_READ)));
        Ok((read.to_vec(), read.len() == rest.len()))
    }

    fn read_via_stream(
        &mut self,
        descriptor: Resource<types::Descriptor>,
        offset: u64,
    ) -> FsResult<Resource<DynInputStream>> {
        let content = self.content(&descriptor)?;
        let rest = content.slice(place(offset, content.len())..);
        let stream: DynInputStream = Box::new(MemoryInputPipe::new(rest));
        Ok(self.table.push(stream)?)
    }

    fn read_directory(
        &mut self,
        descriptor: Resource<types::Descriptor>,
    ) -> FsResult<Resource<types::DirectoryEntryStream>> {
        let node = self.node(&descriptor)?;
        let entries = self.entries(&node).map_err(FsError::trap)?.map_err(code)?;
        let listing: Listing = entries.into_iter();
        let place = self.table.push(listing)?;
        Ok(Resource::new_own(place.rep()))
    }

    fn stat(&mut self, descriptor: Resource<types::Descriptor>) -> FsResult<types::DescriptorStat> {
        let node = self.node(&descriptor)?;
        Ok(stat(node.status()))
    }

    fn stat_at(
        &mut self,
        descriptor: Resource<types::Descriptor>,
        _: types::PathFlags,
        path: String,
    ) -> FsResult<types::DescriptorStat> {
        let at = self.node(&descriptor)?;
        let status = self.status(&at, &path).map_err(FsError::trap)?;
        let (status, _) = status.map_err(code)?;
        Ok(stat(status))
    }

    fn get_type(
        &mut self,
        descriptor: Resource<types::Descriptor>,
    ) -> FsResult<types::DescriptorType> {
        let node = self.node(&descriptor)?;
        Ok(stat(node.status()).type_)
    }

    fn get_flags(
        &mut self,
        descriptor: Resource<types::Descriptor>,
    ) -> FsResult<types::DescriptorFlags> {
        self.node(&descriptor)?;
        Ok(types::DescriptorFlags::READ)
    }

    fn is_same_object(
        &mut self,
        one: Resource<types::Descriptor>,
        other: Resource<types::Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.enter_wasi()?;
        let (one, other) = (self.open_node(&one)?, self.open_node(&other)?);
        Ok(one.directory == other.directory && one.path == other.path)
    }

    fn metadata_hash(
        &mut self,
        descriptor: Resource<types::Descriptor>,
    ) -> FsResult<types::MetadataHashValue> {
        let node = self.node(&descriptor)?;
        Ok(identity(&node.directory, &node.path))
    }

    fn metadata_hash_at(
        &mut self,
        descriptor: Resource<types::Descriptor>,
        _: types::PathFlags,
        path: String,
    ) -> FsResult<types::MetadataHashValue> {
        let at = self.node(&descriptor)?;
        let status = self.status(&at, &path).map_err(FsError::trap)?;
        let (_, path) = status.map_err(code)?;
        Ok(identity(&at.directory, &path))
    }

    fn drop(&mut self, descriptor: Resource<types::Descriptor>) -> wasmtime::Result<()> {
        self.table
            .delete(Resource::<Node>::new_own(descriptor.rep()))?;
        Ok(())
    }

    fn advise(
        &mut self,
        _: Resource<types::Descriptor>,
        _: u64,
        _: u64,
        _: types::Advice,
    ) -> FsResult<()> {
        self.refuse(ErrorCode::Unsupported)
    }

    fn sync_data(&mut self, _: Resource<types::Descriptor>) -> FsResult<()> {
        self.refuse(ErrorCode::Unsupported)
    }

    fn sync(&mut self, _: Resource<types::Descriptor>) -> FsResult<()> {
        self.refuse(ErrorCode::Unsupported)
    }

    fn readlink_at(&mut self, _: Resource<types::Descriptor>, _: String) -> FsResult<String> {
        self.refuse(ErrorCode::Unsupported)
    }

    fn set_size(&mut self, _: Resource<types::Descriptor>, _: u64) -> FsResult<()> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn set_times(
        &mut self,
        _: Resource<types::Descriptor>,
        _: types::NewTimestamp,
        _: types::NewTimestamp,
    ) -> FsResult<()> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn write(&mut self, _: Resource<types::Descriptor>, _: Vec<u8>, _: u64) -> FsResult<u64> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn write_via_stream(
        &mut self,
        _: Resource<types::Descriptor>,
        _: u64,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn append_via_stream(
        &mut self,
        _: Resource<types::Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn create_directory_at(&mut self, _: Resource<types::Descriptor>, _: String) -> FsResult<()> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn set_times_at(
        &mut self,
        _: Resource<types::Descriptor>,
        _: types::PathFlags,
        _: String,
        _: types::NewTimestamp,
        _: types::NewTimestamp,
    ) -> FsResult<()> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn link_at(
        &mut self,
        _: Resource<types::Descriptor>,
        _: types::PathFlags,
        _: String,
        _: Resource<types::Descriptor>,
        _: String,
    ) -> FsResult<()> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn remove_directory_at(&mut self, _: Resource<types::Descriptor>, _: String) -> FsResult<()> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn rename_at(
        &mut self,
        _: Resource<types::Descriptor>,
        _: String,
        _: Resource<types::Descriptor>,
        _: String,
    ) -> FsResult<()> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn symlink_at(&mut self, _: Resource<types::Descriptor>, _: String, _: String) -> FsResult<()> {
        self.refuse(ErrorCode::ReadOnly)
    }

    fn unlink_file_at(&mut self, _: Resource<types::Descriptor>, _: String) -> FsResult<()> {
        self.refuse(ErrorCode::ReadOnly)
    }
}

impl types::HostDirectoryEntryStream for Guest {
    fn read_directory_entry(
        &mut self,
        stream: Resource<types::DirectoryEntryStream>,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        self.enter_wasi().map_err(FsError::trap)?;
        let listing: &mut Listing = self.table.get_mut(&Resource::new_borrow(stream.rep()))?;
        Ok(listing.next().map(|entry| types::DirectoryEntry {
            type_: match entry.kind {
                EntryKind::File => types::DescriptorType::RegularFile,
                EntryKind::Directory => types::DescriptorType::Directory,
                EntryKind::Other => types::DescriptorType::Unknown,
            },
            name: entry.name,
        }))
    }

    fn drop(&mut self, stream: Resource<types::DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.table
            .delete(Resource::<Listing>::new_own(stream.rep()))?;
        Ok(())
    }
}

impl Guest {
    /// Counts the call and gives what the descriptor stands for.
    fn node(&mut self, descriptor: &Resource<types::Descriptor>) -> FsResult<Node> {
        self.enter_wasi().map_err(FsError::trap)?;
        Ok(self.open_node(descriptor)?.clone())
    }

    fn open_node(
        &self,
        descriptor: &Resource<types::Descriptor>,
    ) -> Result<&Node, ResourceTableError> {
        self.table.get(&Resource::new_borrow(descriptor.rep()))
    }

    /// The same, for a file.
    fn content(&mut self, descriptor: &Resource<types::Descriptor>) -> FsResult<bytes::Bytes> {
        let node = self.node(descriptor)?;
        node.content.ok_or_else(|| ErrorCode::IsDirectory.into())
    }

    fn refuse<T>(&mut self, why: ErrorCode) -> FsResult<T> {
        self.enter_wasi().map_err(FsError::trap)?;
        Err(why.into())
    }
}

impl Node {
    fn status(&self) -> FileStatus {
        match &self.content {
            Some(content) => FileStatus::File {
                bytes: content.len() as u64,
            },
            None => FileStatus::Directory,
        }
    }
}

fn stat(status: FileStatus) -> types::DescriptorStat {
    let (type_, size) = match status {
        FileStatus::File { bytes } => (types::DescriptorType::RegularFile, bytes),
        FileStatus::Directory => (types::DescriptorType::Directory, 0),
    };
    types::DescriptorStat {
        type_,
        link_count: 1,
        size,
        data_access_timestamp: None,
        data_modification_timestamp: None,
        status_change_timestamp: None,
    }
}

/// What tells files apart, without the numbers that a file system gives them.
fn identity(directory: &str, path: &str) -> types::MetadataHashValue {
    let digest = digest(
        "cryptlet file identity v1",
        &[directory.as_bytes(), path.as_bytes()],
    );
    let half = |from: usize| {
        let bytes: [u8; 8] = std::array::from_fn(|index| digest.as_bytes()[from + index]);
        u64::from_le_bytes(bytes)
    };
    types::MetadataHashValue {
        lower: half(0),
        upper: half(8),
    }
}

/// A place in something of this length, at its end if it lies beyond.
fn place(offset: u64, length: usize) -> usize {
    usize::try_from(offset).map_or(length, |offset| offset.min(length))
}

fn code(error: FileError) -> ErrorCode {
    match error {
        FileError::NoEntry => ErrorCode::NoEntry,
        FileError::NotDirectory => ErrorCode::NotDirectory,
        FileError::NotPermitted => ErrorCode::NotPermitted,
        FileError::Access => ErrorCode::Access,
        FileError::TooLarge => ErrorCode::FileTooLarge,
        FileError::Busy => ErrorCode::Busy,
        FileError::Unsupported => ErrorCode::Unsupported,
        FileError::NameTooLong => ErrorCode::NameTooLong,
        FileError::IllegalName => ErrorCode::IllegalByteSequence,
        FileError::NoDirectory => ErrorCode::NoDevice,
        FileError::Io => ErrorCode::Io,
    }
}
