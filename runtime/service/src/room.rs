//! Finds out when a full disk has room again.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::state::ServiceState;

/// How often is looked for room.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How much room there must be: more than most commits take.
const BYTES: usize = 1 << 20;

/// Looks for room whenever the disk is known to be full: requests come only as long as the service
/// is ready, and runs wait for it.
pub(crate) async fn watch(state: Arc<ServiceState>, folder: PathBuf) {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        if state.health.disk_is_full() {
            let folder = folder.clone();
            let found = tokio::task::spawn_blocking(move || try_to_write(&folder)).await;
            if matches!(found, Ok(Ok(()))) {
                state.health.set_disk_is_full(false);
            }
        }
    }
}

fn try_to_write(folder: &Path) -> io::Result<()> {
    let path = folder.join("room.probe");
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; BYTES])?;
        file.sync_all()
    });
    std::fs::remove_file(&path).and(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_for_room_leaves_nothing_behind() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        try_to_write(folder.path())?;
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        assert!(try_to_write(&folder.path().join("missing")).is_err());
        Ok(())
    }
}
