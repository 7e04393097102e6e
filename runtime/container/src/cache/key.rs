//! The key by which a host knows the code that it compiled itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::folder::random_name;

const KEY_BYTES: usize = 32;
const OTHERS: u32 = 0o077;

/// Seals and opens entries.
pub(super) struct HostKey([u8; KEY_BYTES]);

impl HostKey {
    /// Reads the key, or makes one. One that others may have read or changed is replaced: what it
    /// sealed is compiled again.
    pub(super) fn obtain(path: &Path) -> io::Result<HostKey> {
        match read(path)? {
            Found::Key(key) => return Ok(key),
            Found::Nothing => make(path, |new| {
                match std::fs::hard_link(new, path) {
                    // Another process was faster, and its key is as good.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                    made => made,
                }
            })?,
            Found::Unusable(reason) => {
                tracing::warn!(path = %path.display(), reason, "the key of the compiled code is replaced");
                make(path, |new| std::fs::rename(new, path))?;
            }
        }
        match read(path)? {
            Found::Key(key) => Ok(key),
            Found::Nothing => Err(io::ErrorKind::NotFound.into()),
            Found::Unusable(reason) => Err(io::Error::other(reason)),
        }
    }

    /// MAC over parts of which all but the last have a fixed length.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize()
    }

    #[cfg(test)]
    pub(super) fn from_bytes(bytes: [u8; KEY_BYTES]) -> HostKey {
        HostKey(bytes)
    }
}

enum Found {
    Key(HostKey),
    Nothing,
    Unusable(&'static str),
}

fn read(path: &Path) -> io::Result<Found> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if metadata.permissions().mode() & OTHERS != 0 {
        return Ok(Found::Unusable("others than its owner may open it"));
    }
    let mut bytes = Vec::with_capacity(KEY_BYTES + 1);
    // One byte more shows a file that is too long.
    file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(match <[u8; KEY_BYTES]>::try_from(bytes) {
        Ok(key) => Found::Key(HostKey(key)),
        Err(_) => Found::Unusable("it is no key of 32 bytes"),
    })
}

/// Writes a new key beside the path, so that nobody ever finds half of one, and has it put there.
fn make(path: &Path, put: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let new = path.with_file_name(random_name()?);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| {
            file.write_all(&key)?;
            file.sync_all()
        })
        .and_then(|()| put(&new));
    match std::fs::remove_file(&new) {
        // It was renamed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed?,
    }
    written
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::sync::Barrier;

    use super::*;

    fn mac(key: &HostKey) -> blake3::Hash {
        key.mac(&[b"the same".as_slice()])
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("host.key");
        let made = HostKey::obtain(&path).expect("it is made");
        let again = HostKey::obtain(&path).expect("it is read");
        assert_eq!(mac(&made), mac(&again));
        let mode = path.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = folder.path().read_dir().expect("it lists").count();
        assert_eq!(files, 1, "nothing is left beside it");
    }

    #[test]
    fn a_key_that_others_could_read_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("host.key");
        let open = HostKey::obtain(&path).expect("it is made");
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("it is ours");
        let private = HostKey::obtain(&path).expect("it is replaced");
        assert_ne!(mac(&open), mac(&private));
    }

    #[test]
    fn half_a_key_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("host.key");
        HostKey::obtain(&path).expect("it is made");
        for length in [0, 31, 33] {
            std::fs::write(&path, vec![0; length]).expect("it is ours");
            let key = HostKey::obtain(&path).expect("it is replaced");
            let again = HostKey::obtain(&path).expect("it is read");
            assert_eq!(mac(&key), mac(&again));
        }
    }

    #[test]
    fn all_who_come_at_once_have_one_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("host.key");
        let together = Barrier::new(8);
        let macs: Vec<blake3::Hash> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        mac(&HostKey::obtain(&path).expect("it is made or read"))
                    })
                })
                .collect();
            all.into_iter()
                .map(|one| one.join().expect("none panics"))
                .collect()
        });
        assert!(macs.iter().all(|mac| *mac == macs[0]));
    }
}
