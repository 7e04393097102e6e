//! The folder of one devnet at a time: made anew only when nothing of anybody else's is lost.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// Marks a folder that a devnet made, lists what it wrote there, and is locked while it runs.
const MARK: &str = ".made-by-devnet";

/// The state folder. A service writes in it, so that only its keys can be told apart.
const STATE: &str = ".cryptlet";
const KEYS: &str = ".cryptlet/keys";

/// Keeps the folder out of the repository that it may lie in.
const GITIGNORE: &str = ".gitignore";

/// A folder that no other devnet gets while this value lives.
#[derive(Debug)]
pub struct Premises {
    folder: PathBuf,
    mark: File,
}

impl Premises {
    /// Takes an empty folder, or empties one that an earlier devnet made.
    ///
    /// One in which a devnet or a service runs, or with files that the devnet did not write, is
    /// refused and left as it is.
    pub fn take(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(MARK);
        let again = path.is_file();
        ensure!(
            again || fs::read_dir(folder)?.next().is_none(),
            "{} holds files of somebody else; name another folder, or an empty one",
            folder.display()
        );
        let mark = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        match mark.try_lock() {
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "a devnet runs in {}; end it first, or name another folder",
                folder.display()
            ),
            locked => locked.with_context(|| format!("cannot lock {}", path.display()))?,
        }
        if again {
            ensure!(
                !service_runs(folder),
                "a service runs on {}; stop it first, or name another folder",
                folder.join(STATE).display()
            );
            empty(folder)?;
            mark.set_len(0)?;
            println!(
                "{} is of an earlier devnet, which has ended; it is made anew.",
                folder.display()
            );
        }
        fs::write(folder.join(GITIGNORE), "*\n")?;
        let folder = folder.to_owned();
        Ok(Self { folder, mark })
    }

    /// Notes what lies there by now as the devnet's own.
    pub fn record(&mut self) -> Result<()> {
        let mut own = String::new();
        for path in files(&self.folder)? {
            own.push_str(&path.display().to_string());
            own.push('\n');
        }
        self.mark.write_all(own.as_bytes())?;
        Ok(())
    }
}

/// A service keeps its lock for as long as it runs.
fn service_runs(folder: &Path) -> bool {
    File::open(folder.join(STATE).join("lock"))
        .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Removes everything but the mark, if all of it is the devnet's own.
fn empty(folder: &Path) -> Result<()> {
    let own: BTreeSet<PathBuf> = fs::read_to_string(folder.join(MARK))?
        .lines()
        .map(PathBuf::from)
        .collect();
    let foreign: Vec<String> = files(folder)?
        .into_iter()
        .filter(|path| path != Path::new(GITIGNORE) && !own.contains(path))
        .map(|path| path.display().to_string())
        .collect();
    ensure!(
        foreign.is_empty(),
        "{} would be emptied, but the devnet did not write {}; name another folder, or remove them",
        folder.display(),
        foreign.join(", ")
    );
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.ends_with(MARK) {
            continue;
        }
        let removed = if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// Every file and empty folder below `folder`, without the mark and what a service wrote.
fn files(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut left = vec![PathBuf::new()];
    while let Some(inner) = left.pop() {
        let mut bare = true;
        for entry in fs::read_dir(folder.join(&inner))? {
            bare = false;
            let entry = entry?;
            let path = inner.join(entry.file_name());
            if path == Path::new(STATE) {
                left.extend(folder.join(KEYS).is_dir().then(|| KEYS.into()));
            } else if entry.file_type()?.is_dir() {
                left.push(path);
            } else if path != Path::new(MARK) {
                found.insert(path);
            }
        }
        if bare && inner != Path::new("") {
            found.insert(inner);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder as a devnet leaves it behind.
    fn left_behind(folder: &Path) -> Result<()> {
        let mut premises = Premises::take(folder)?;
        fs::create_dir_all(folder.join(KEYS))?;
        fs::write(folder.join(KEYS).join("attestation.json"), "")?;
        fs::write(folder.join("binding.toml"), "")?;
        premises.record()
    }

    fn refusal(folder: &Path) -> String {
        Premises::take(folder)
            .expect_err("it is in use")
            .to_string()
    }

    #[test]
    fn an_earlier_devnet_makes_room_with_what_a_service_wrote() -> Result<()> {
        let folder = tempfile::tempdir()?;
        left_behind(folder.path())?;
        fs::write(folder.path().join(STATE).join("journal.sqlite"), "")?;

        let _premises = Premises::take(folder.path())?;

        assert!(!folder.path().join("binding.toml").exists());
        assert!(!folder.path().join(STATE).exists());
        assert_eq!(fs::read_to_string(folder.path().join(GITIGNORE))?, "*\n");
        Ok(())
    }

    #[test]
    fn what_the_reader_made_is_named_and_kept() -> Result<()> {
        for made in ["desk/q1.receipt", "notes", ".cryptlet/keys/mine.json"] {
            let folder = tempfile::tempdir()?;
            left_behind(folder.path())?;
            let path = folder.path().join(made);
            fs::create_dir_all(path.parent().expect("it lies in a folder"))?;
            fs::write(&path, "")?;

            let refused = refusal(folder.path());

            assert!(refused.contains(made), "{refused}");
            assert!(!refused.contains("binding.toml"), "{refused}");
            assert!(path.exists() && folder.path().join("binding.toml").exists());
        }
        Ok(())
    }

    #[test]
    fn a_running_devnet_keeps_its_folder() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let running = Premises::take(folder.path())?;

        let refused = refusal(folder.path());

        assert!(refused.contains("a devnet runs"), "{refused}");
        drop(running);
        Premises::take(folder.path())?;
        Ok(())
    }

    #[test]
    fn a_running_service_keeps_its_folder() -> Result<()> {
        let folder = tempfile::tempdir()?;
        left_behind(folder.path())?;
        let lock = File::create(folder.path().join(STATE).join("lock"))?;
        lock.try_lock()?;

        let refused = refusal(folder.path());

        assert!(refused.contains("a service runs"), "{refused}");
        assert!(folder.path().join("binding.toml").exists());
        Ok(())
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("somebody"), "else's")?;

        let refused = refusal(folder.path());

        assert!(refused.contains("somebody else"), "{refused}");
        assert!(folder.path().join("somebody").exists());
        Ok(())
    }
}
