use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{BackupError, Manifest, RESTORED, backup, pack, restore, stage};
use crate::journal::scene::{accept, begun, bound, deploy, owner};
use crate::journal::{Journal, JournalError};
use crate::publish::{PublishError, Publisher};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A state folder with all that a backup holds, and a backup of it.
async fn backed_up(folder: &Path) -> Result<(PathBuf, PathBuf), Box<dyn std::error::Error>> {
    let state = folder.join("state");
    let (journal, binding) = bound(&state).await?;
    accept(&journal, binding, "a").await?;
    drop(journal);
    fs::create_dir(state.join("keys"))?;
    fs::write(state.join("keys/attestation.json"), "{encrypted}")?;
    fs::write(state.join("keys/.new-cut-off.tmp"), "{half}")?;
    fs::write(state.join("fabric.toml"), "[fabric]")?;
    fs::write(state.join("tokens.toml"), "[tokens]")?;
    fs::write(state.join("operator.token"), "secret")?;
    let file = folder.join("backup.tar");
    backup(&state, &file)?;
    Ok((state, file))
}

#[tokio::test]
async fn an_old_backup_beside_a_newer_published_log_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (state, file) = backed_up(folder.path()).await?;
    let journal = Journal::open(&state, owner(1))?;
    let key = journal.trusted_key()?.ok_or("a key")?;
    let publisher = Publisher::new(&folder.path().join("public"), key);
    publisher.publish(&journal)?;
    let restored = folder.path().join("restored");
    restore(&file, &restored)?;
    let old = Journal::open(&restored, owner(1))?;
    publisher.check(&old)?;

    deploy(&journal, "later", b"later").await?;
    publisher.publish(&journal)?;
    let refusal = publisher.check(&old).err().ok_or("an old backup")?;
    assert!(
        matches!(refusal, PublishError::Journal(JournalError::Behind { .. })),
        "{refusal}"
    );
    Ok(())
}

fn mode(path: &Path) -> Result<u32, std::io::Error> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}

/// What lies in a folder, by name.
fn names(folder: &Path) -> Result<Vec<String>, std::io::Error> {
    let mut names = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    names.sort();
    Ok(names)
}

#[tokio::test]
async fn a_restored_folder_holds_what_was_backed_up_and_is_private() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (state, file) = backed_up(folder.path()).await?;
    assert_eq!(mode(&file)?, 0o600);
    assert_eq!(names(folder.path())?, ["backup.tar", "state"]);

    let restored = folder.path().join("restored");
    let manifest = restore(&file, &restored)?;
    assert_eq!(
        names(&restored)?,
        [
            "fabric.toml",
            "journal.sqlite",
            "keys",
            "restored.toml",
            "tokens.toml"
        ]
    );
    assert_eq!(names(&restored.join("keys"))?, ["attestation.json"]);
    for name in ["fabric.toml", "tokens.toml", "keys/attestation.json"] {
        assert_eq!(fs::read(restored.join(name))?, fs::read(state.join(name))?);
        assert_eq!(mode(&restored.join(name))?, 0o600);
    }
    for name in ["", "keys"] {
        assert_eq!(mode(&restored.join(name))?, 0o700);
    }
    assert_eq!(names(folder.path())?, ["backup.tar", "restored", "state"]);

    let before = Journal::open_for_reading(&state)?;
    // The fabric goes on where it was.
    let after = Journal::open(&restored, owner(1))?;
    assert_eq!(after.log_size()?, manifest.log_size);
    assert_eq!(after.checkpoint()?, before.checkpoint()?);
    deploy(&after, "another", b"another").await?;
    let binding = after.bindings()?[0].document.id();
    assert!(after.invocation(&binding, 1)?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_writer_is_one_moment_of_it() -> Outcome {
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    let journal = Arc::new(begun(&state).await?);
    deploy(&journal, "first", b"first").await?;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (journal, stop) = (Arc::clone(&journal), Arc::clone(&stop));
        async move {
            let mut written = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                deploy(&journal, &format!("c-{written}"), &written.to_be_bytes()).await?;
                written += 1;
            }
            Ok::<_, JournalError>(written)
        }
    });
    let mut sizes = Vec::new();
    for round in 0..5 {
        let (from, file) = (state.clone(), folder.path().join(format!("{round}.tar")));
        let to = folder.path().join(format!("restored-{round}"));
        let (manifest, restored) = tokio::task::spawn_blocking(move || {
            let manifest = backup(&from, &file)?;
            restore(&file, &to)?;
            Ok::<_, BackupError>((manifest, to))
        })
        .await??;
        let copy = Journal::open(&restored, owner(1))?;
        assert_eq!(copy.log_size()?, manifest.log_size);
        assert_eq!(copy.versions()?.len() as u64 + 1, manifest.log_size);
        sizes.push(manifest.log_size);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writer.await?? > 0);
    assert!(sizes.is_sorted(), "{sizes:?}");
    Ok(())
}

#[tokio::test]
async fn a_document_that_changes_while_the_backup_is_written_is_backed_up_as_it_was() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (state, _) = backed_up(folder.path()).await?;
    let scratch = tempfile::tempdir()?;
    let staged = stage(&state, scratch.path())?;
    fs::write(state.join("tokens.toml"), "[others]")?;
    fs::remove_file(state.join("keys/attestation.json"))?;
    let file = folder.path().join("changing.tar");
    pack(staged, scratch.path(), &file)?;

    let restored = folder.path().join("restored");
    restore(&file, &restored)?;
    assert_eq!(fs::read(restored.join("tokens.toml"))?, b"[tokens]");
    assert_eq!(
        fs::read(restored.join("keys/attestation.json"))?,
        b"{encrypted}"
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_overwritten() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (state, file) = backed_up(folder.path()).await?;
    let before = fs::read(&file)?;
    assert!(matches!(backup(&state, &file), Err(BackupError::Exists(_))));
    assert_eq!(fs::read(&file)?, before);
    assert!(matches!(
        restore(&file, &state),
        Err(BackupError::NotEmpty(_))
    ));
    assert!(matches!(
        restore(&file, &file),
        Err(BackupError::NotEmpty(_))
    ));
    Ok(())
}

#[tokio::test]
async fn an_empty_folder_is_filled_where_it_is_even_behind_a_link() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (_, file) = backed_up(folder.path()).await?;
    for name in ["empty", "private"] {
        fs::create_dir(folder.path().join(name))?;
    }
    let (empty, private) = (folder.path().join("empty"), folder.path().join("private"));
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&private, &link)?;
    for (named, real) in [(&empty, &empty), (&link, &private)] {
        // Nothing can be put in the place of a mount point either.
        let before = fs::metadata(real)?.ino();
        restore(&file, named)?;
        assert_eq!(fs::metadata(real)?.ino(), before);
        assert_eq!(
            names(real)?,
            [
                "fabric.toml",
                "journal.sqlite",
                "keys",
                "restored.toml",
                "tokens.toml"
            ]
        );
        assert_eq!(Journal::open(named, owner(1))?.bindings()?.len(), 1);
    }
    assert!(fs::symlink_metadata(&link)?.is_symlink());
    Ok(())
}

#[tokio::test]
async fn a_failed_restore_leaves_an_existing_folder_empty() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (_, file) = backed_up(folder.path()).await?;
    let cut = folder.path().join("cut.tar");
    let whole = fs::read(&file)?;
    fs::write(&cut, &whole[..whole.len() / 2])?;
    let empty = folder.path().join("empty");
    fs::create_dir(&empty)?;
    assert!(restore(&cut, &empty).is_err());
    assert!(names(&empty)?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_restored_folder_says_what_it_was_restored_from() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (_, file) = backed_up(folder.path()).await?;
    let restored = folder.path().join("restored");
    let manifest = restore(&file, &restored)?;
    let marker: toml::Table = fs::read_to_string(restored.join(RESTORED))?.parse()?;
    assert_eq!(marker["backup"].as_str(), file.to_str());
    assert_eq!(
        marker["log-size"].as_integer(),
        Some(i64::try_from(manifest.log_size)?)
    );
    // A backup of it, though nobody has let it run, does not take the marker along.
    let again = folder.path().join("again.tar");
    let manifest = backup(&restored, &again)?;
    assert!(manifest.files.iter().all(|file| file.path != RESTORED));
    Ok(())
}

#[tokio::test]
async fn a_backup_that_ends_anywhere_too_early_makes_no_folder() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (_, file) = backed_up(folder.path()).await?;
    let whole = fs::read(&file)?;
    let restored = folder.path().join("restored");
    // Two empty blocks end an archive; what is cut off of those is no loss.
    let content = whole.len() - 1_024;
    let lengths = (0..content)
        .step_by(512)
        .chain((0..content).step_by(4_999))
        .chain([1, 511, 513, content - 1]);
    for length in lengths {
        let cut = folder.path().join("cut.tar");
        fs::write(&cut, &whole[..length])?;
        let refusal = restore(&cut, &restored).err().ok_or(format!("{length}"))?;
        assert!(
            matches!(
                refusal,
                BackupError::Truncated { .. } | BackupError::NotABackup { .. }
            ),
            "{length}: {refusal}"
        );
        assert!(!restored.exists(), "{length}");
    }
    assert_eq!(names(folder.path())?, ["backup.tar", "cut.tar", "state"]);
    Ok(())
}

#[tokio::test]
async fn an_altered_byte_is_found_wherever_it_is() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (_, file) = backed_up(folder.path()).await?;
    let whole = fs::read(&file)?;
    let restored = folder.path().join("restored");
    let altered = folder.path().join("altered.tar");
    let content = whole.len() - 1_024;
    for position in (0..content).step_by(1_237) {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x20;
        fs::write(&altered, &bytes)?;
        match restore(&altered, &restored) {
            Err(_) => assert!(!restored.exists(), "{position}"),
            // Padding between files and unused parts of a header carry nothing.
            Ok(_) => {
                assert_eq!(whole[position], 0, "{position}");
                fs::remove_dir_all(&restored)?;
            }
        }
    }
    Ok(())
}

/// Names and contents.
type Entries = Vec<(String, Vec<u8>)>;

/// A backup's entries, to be put together in another way.
fn entries(file: &Path) -> Result<Entries, Box<dyn std::error::Error>> {
    let mut archive = tar::Archive::new(fs::File::open(file)?);
    archive
        .entries()?
        .map(|entry| {
            let mut entry = entry?;
            let name = String::from_utf8(entry.path_bytes().into_owned())?;
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes)?;
            Ok((name, bytes))
        })
        .collect()
}

/// An archive whose names are written as they are, however hostile.
fn archive(file: &Path, entries: &[(String, Vec<u8>)], kind: tar::EntryType) -> Outcome {
    let mut builder = tar::Builder::new(fs::File::create(file)?);
    for (name, bytes) in entries {
        let is_extra =
            !name.ends_with(".toml") && !name.ends_with(".sqlite") && !name.ends_with(".json");
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(if is_extra {
            kind
        } else {
            tar::EntryType::Regular
        });
        header.set_mode(0o600);
        header.set_size(bytes.len() as u64);
        if is_extra && kind == tar::EntryType::Symlink {
            header.set_link_name("/etc/passwd")?;
        }
        header.set_cksum();
        builder.append(&header, bytes.as_slice())?;
    }
    builder.finish()?;
    Ok(())
}

#[tokio::test]
async fn what_no_backup_holds_is_never_unpacked() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (_, file) = backed_up(folder.path()).await?;
    let good = entries(&file)?;
    let hostile = folder.path().join("hostile.tar");
    let restored = folder.path().join("restored");
    archive(&hostile, &good, tar::EntryType::Regular)?;
    restore(&hostile, &restored)?;
    fs::remove_dir_all(&restored)?;

    for (name, kind) in [
        ("../escaped", tar::EntryType::Regular),
        ("/tmp/escaped", tar::EntryType::Regular),
        ("keys/../../escaped", tar::EntryType::Regular),
        ("keys", tar::EntryType::Symlink),
        ("keys", tar::EntryType::Directory),
        ("service", tar::EntryType::Regular),
    ] {
        for place in [1, good.len()] {
            let mut entries = good.clone();
            entries.insert(place, (name.into(), Vec::new()));
            archive(&hostile, &entries, kind)?;
            let refusal = restore(&hostile, &restored).err().ok_or(name)?;
            assert!(
                matches!(refusal, BackupError::Unexpected { .. }),
                "{name}: {refusal}"
            );
            assert!(!restored.exists(), "{name}");
        }
    }
    assert_eq!(
        names(folder.path())?,
        ["backup.tar", "hostile.tar", "state"]
    );
    Ok(())
}

#[tokio::test]
async fn a_manifest_cannot_name_what_no_backup_holds() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (_, file) = backed_up(folder.path()).await?;
    let good = entries(&file)?;
    let hostile = folder.path().join("hostile.tar");
    for path in [
        "../escaped",
        "keys/../fabric.toml",
        "keys/",
        "lock",
        "fabric.toml",
    ] {
        let mut entries = good.clone();
        let mut manifest: Manifest = serde_json::from_slice(&entries[0].1)?;
        let mut extra = manifest.files[1].clone();
        extra.path = path.into();
        manifest.files.push(extra);
        entries[0].1 = serde_json::to_vec(&manifest)?;
        archive(&hostile, &entries, tar::EntryType::Regular)?;
        let refusal = restore(&hostile, &folder.path().join("restored"))
            .err()
            .ok_or(path)?;
        assert!(
            matches!(refusal, BackupError::Unexpected { .. }),
            "{path}: {refusal}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_log_that_was_rewritten_with_all_its_sums_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (state, _) = backed_up(folder.path()).await?;
    for sql in [
        "UPDATE leaf SET entry = CAST(entry || x'00' AS BLOB) WHERE position = 1",
        "PRAGMA foreign_keys = OFF; DELETE FROM leaf WHERE position = 2",
        "UPDATE tile SET hashes = zeroblob(length(hashes))",
        "UPDATE checkpoint SET note = replace(note, 'fabric', 'forger')",
        "DELETE FROM checkpoint",
    ] {
        let copy = folder.path().join("copy");
        fs::create_dir(&copy)?;
        fs::copy(state.join("journal.sqlite"), copy.join("journal.sqlite"))?;
        rusqlite::Connection::open(copy.join("journal.sqlite"))?.execute_batch(sql)?;
        let refusal = backup(&copy, &folder.path().join("bad.tar"))
            .err()
            .ok_or(sql)?;
        assert!(
            matches!(refusal, BackupError::Journal(JournalError::Damaged { .. })),
            "{sql}: {refusal}"
        );
        fs::remove_dir_all(&copy)?;
    }
    assert_eq!(names(folder.path())?, ["backup.tar", "state"]);
    Ok(())
}
