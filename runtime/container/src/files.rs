//! What lies in a granted directory, as a guest gets to know it: contents, sizes and names. Times,
//! owners, permissions and the numbers of a file system stay with the host.

use minicbor::{Decode, Encode};

/// The most bytes of granted directories that a run may read, all together. They all go into its transcript, which
/// has to fit into that of whoever asks it.
pub const MOST_DIRECTORY_BYTES: u64 = 16 << 20;
/// What an entry of a listing counts beside the bytes of its name: it costs the host a look.
const ENTRY_BYTES: u64 = 256;
/// Bytes of a path, as Linux has it.
const MOST_PATH_BYTES: usize = 4096;

/// What was opened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Opened {
    /// A file, with its content at one moment.
    #[n(0)]
    File(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// A directory.
    #[n(1)]
    Directory,
}

impl Opened {
    /// What it counts towards the bytes of its grant.
    pub fn size(&self) -> u64 {
        match self {
            Opened::File(content) => content.len() as u64,
            Opened::Directory => 0,
        }
    }
}

/// What a path leads to, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum FileStatus {
    /// A regular file.
    #[n(0)]
    File {
        /// Its length.
        #[n(0)]
        bytes: u64,
    },
    /// A directory.
    #[n(1)]
    Directory,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct DirectoryEntry {
    /// Its name there.
    #[n(0)]
    pub name: String,
    /// What it leads to.
    #[n(1)]
    pub kind: EntryKind,
}

/// What an entry of a directory leads to; links inside the directory are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum EntryKind {
    /// A regular file.
    #[n(0)]
    File,
    /// A directory.
    #[n(1)]
    Directory,
    /// Something that cannot be opened: a device, a link that leads nowhere or out.
    #[n(2)]
    Other,
}

/// What a listing counts towards the bytes of its grant.
pub fn listing_bytes(entries: &[DirectoryEntry]) -> u64 {
    let each = entries
        .iter()
        .map(|entry| ENTRY_BYTES + entry.name.len() as u64);
    each.fold(0, u64::saturating_add)
}

/// What an answer to an opening counts when the grant has `left`. What was read and thrown away was read
/// all the same.
pub(crate) fn opening_bytes(answer: &Result<Opened, FileError>, left: u64) -> u64 {
    match answer {
        Ok(opened) => opened.size(),
        Err(FileError::Busy) => left,
        Err(_) => 0,
    }
}

/// What an answer to a listing counts when the grant has `left`: one that is given up was read as far
/// as that.
pub(crate) fn entries_bytes(answer: &Result<Vec<DirectoryEntry>, FileError>, left: u64) -> u64 {
    match answer {
        Ok(entries) => listing_bytes(entries),
        Err(FileError::TooLarge) => left,
        Err(_) => 0,
    }
}

/// Why a path could not be opened or looked at. No text of the host's stands in it: the guest hears the
/// code alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[cbor(index_only)]
pub enum FileError {
    /// Nothing has this name.
    #[n(0)]
    #[error("there is no such file")]
    NoEntry,
    /// A file where a directory has to be.
    #[n(1)]
    #[error("it is no directory")]
    NotDirectory,
    /// It lies outside of the directory, or a link there leads out of it.
    #[n(2)]
    #[error("it leads out of the directory")]
    NotPermitted,
    /// The host may not read it.
    #[n(3)]
    #[error("the host may not read it")]
    Access,
    /// More than the grant has left.
    #[n(4)]
    #[error("it is larger than what the grant has left")]
    TooLarge,
    /// It did not stand still long enough to be read whole.
    #[n(5)]
    #[error("it changed while it was read")]
    Busy,
    /// Neither a regular file nor a directory.
    #[n(6)]
    #[error("it is neither a file nor a directory")]
    Unsupported,
    /// The path is longer than file systems take.
    #[n(7)]
    #[error("its path is too long")]
    NameTooLong,
    /// The path, or a name in the directory, is no text that both sides could mean.
    #[n(8)]
    #[error("a name is no text")]
    IllegalName,
    /// The host has nothing under the name of this grant.
    #[n(9)]
    #[error("the host has no such directory")]
    NoDirectory,
    /// The host could not read.
    #[n(10)]
    #[error("the host could not read")]
    Io,
}

/// The path that `path` means when it is read in the folder `base`, both below a granted directory:
/// names joined by `/`, the directory itself being the empty text. Only names count: `a/..` is the
/// folder that it is read in, whatever `a` is.
///
/// # Errors
///
/// It is absolute, leads out, or is no path at all.
pub(crate) fn resolve(base: &str, path: &str) -> Result<String, FileError> {
    if path.is_empty() {
        return Err(FileError::NoEntry);
    }
    if path.contains('\0') {
        return Err(FileError::IllegalName);
    }
    if path.starts_with('/') {
        return Err(FileError::NotPermitted);
    }
    if base.len() + path.len() > MOST_PATH_BYTES {
        return Err(FileError::NameTooLong);
    }
    let mut names: Vec<&str> = base.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop().ok_or(FileError::NotPermitted)?;
            }
            name => names.push(name),
        }
    }
    Ok(names.join("/"))
}

/// A listing as every host gives it: in the order of names, each once, none of them a path.
///
/// # Errors
///
/// An entry's name is no name.
pub(crate) fn in_order(mut entries: Vec<DirectoryEntry>) -> Result<Vec<DirectoryEntry>, FileError> {
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
    if !entries.iter().all(|entry| is_name(&entry.name)) {
        return Err(FileError::IllegalName);
    }
    entries.sort();
    entries.dedup_by(|after, before| after.name == before.name);
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_path_are_one_question() {
        for (base, path, meant) in [
            ("", "a.txt", "a.txt"),
            ("", "./a//b/", "a/b"),
            ("2026/q1", "../q2/a.txt", "2026/q2/a.txt"),
            ("2026/q1", ".", "2026/q1"),
            ("2026", "..", ""),
        ] {
            assert_eq!(resolve(base, path), Ok(meant.to_owned()), "{base} {path}");
        }
    }

    #[test]
    fn what_leads_out_or_is_no_path_is_refused() {
        let long = "a/".repeat(3000);
        for (base, path, error) in [
            ("", "..", FileError::NotPermitted),
            ("2026", "../../etc/passwd", FileError::NotPermitted),
            ("2026", "/etc/passwd", FileError::NotPermitted),
            ("", "a/../../b", FileError::NotPermitted),
            ("", "", FileError::NoEntry),
            ("", "a\0b", FileError::IllegalName),
            ("", long.as_str(), FileError::NameTooLong),
        ] {
            assert_eq!(resolve(base, path), Err(error), "{base} {path}");
        }
    }

    proptest! {
        #[test]
        fn a_path_stays_below_its_directory(
            base in prop::collection::vec("[a-c]{1,3}", 0..3),
            path in "[a-c./]{0,24}",
        ) {
            if let Ok(meant) = resolve(&base.join("/"), &path) {
                let is_name = |name: &str| !matches!(name, "" | "." | "..");
                prop_assert!(meant.is_empty() || meant.split('/').all(is_name), "{meant}");
                if !meant.is_empty() {
                    prop_assert_eq!(resolve("", &meant), Ok(meant.clone()));
                }
            }
        }

        #[test]
        fn listings_come_out_alike_whatever_order_a_disk_has(
            names in prop::collection::btree_set("[a-z]{1,4}", 0..8),
            seed in any::<u64>(),
        ) {
            let mut entries: Vec<DirectoryEntry> = names
                .into_iter()
                .map(|name| DirectoryEntry { name, kind: EntryKind::File })
                .collect();
            let sorted = in_order(entries.clone());
            let length = entries.len().max(1);
            entries.rotate_left((seed as usize) % length);
            prop_assert_eq!(in_order(entries), sorted);
        }
    }
}
