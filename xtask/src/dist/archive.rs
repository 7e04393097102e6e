//! An archive that depends on its files alone: names in order, and no time, owner or umask of the
//! machine that made it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{Archive, Builder, EntryType, Header};

use super::contents::Contents;
use super::emptied;

/// 2006-07-24, as in the packages of cargo: some tools refuse times near 1970.
const MODIFIED: u64 = 1_153_704_088;

/// Writes all files below the folder `root` of the archive.
pub fn write(path: &Path, root: &str, contents: &Contents) -> io::Result<()> {
    let gzip = GzBuilder::new()
        .mtime(0)
        .write(File::create(path)?, Compression::best());
    let mut archive = Builder::new(gzip);
    for (name, file) in contents.files() {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(if file.executable { 0o755 } else { 0o644 });
        header.set_mtime(MODIFIED);
        header.set_size(file.bytes.len() as u64);
        archive.append_data(&mut header, format!("{root}/{name}"), &file.bytes[..])?;
    }
    archive.into_inner()?.finish()?.flush()
}

/// Unpacks an archive into a folder of its own and gives the files.
pub fn unpack(path: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = emptied(folder.to_owned())?;
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut archive = Archive::new(GzDecoder::new(file));
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        files.push(folder.join(entry.path()?));
        entry.unpack_in(&folder)?;
    }
    files.retain(|file| fs::metadata(file).is_ok_and(|file| file.is_file()));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const FILES: [(&str, &[u8]); 2] = [("bin/cryptlet", b"program"), ("LICENSE", b"words")];

    #[test]
    fn the_same_files_make_the_same_archive_in_whatever_order_they_came() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let [first, second] = FILES;

        write(&one, "root", &Contents::of(&[first, second]))?;
        write(&other, "root", &Contents::of(&[second, first]))?;

        assert_eq!(fs::read(one)?, fs::read(other)?);
        Ok(())
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed_and_only_programs_can_be_run() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("archive");
        write(&path, "root", &Contents::of(&FILES))?;

        let files = unpack(&path, &folder.path().join("unpacked"))?;

        assert_eq!(files.len(), FILES.len());
        for (name, bytes) in FILES {
            let file = folder.path().join("unpacked/root").join(name);
            assert_eq!(fs::read(&file)?, bytes);
            let executable = fs::metadata(&file)?.permissions().mode() & 0o111 != 0;
            assert_eq!(executable, name == "bin/cryptlet");
        }
        Ok(())
    }
}
