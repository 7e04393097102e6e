//! Folders that may be emptied because we made them.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Makes an empty folder. One that holds a file `mark` was made here before, and is emptied; one
/// that holds anything else is refused. The mark stands in it afterwards.
pub fn folder(path: &Path, mark: &str) -> Result<()> {
    if path.join(mark).is_file() {
        std::fs::remove_dir_all(path)
            .with_context(|| format!("cannot empty {}", path.display()))?;
    }
    std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    ensure!(
        std::fs::read_dir(path)?.next().is_none(),
        "{} holds something else; name an empty folder",
        path.display()
    );
    std::fs::write(path.join(mark), "")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empties_what_it_made_and_nothing_else() -> Result<()> {
        let parent = tempfile::tempdir()?;
        let ours = parent.path().join("ours");
        folder(&ours, "mark")?;
        std::fs::write(ours.join("left"), "over")?;

        folder(&ours, "mark")?;

        assert!(!ours.join("left").exists());
        std::fs::remove_file(ours.join("mark"))?;
        std::fs::write(ours.join("somebody"), "else's")?;
        assert!(folder(&ours, "mark").is_err());
        assert!(ours.join("somebody").exists());
        Ok(())
    }
}
