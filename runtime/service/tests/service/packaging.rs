//! What systemd is told about the service.

use std::process::Command;

use crate::running::Tested;

const UNIT: &str = include_str!("../../packaging/cryptlet.service");

#[test]
fn the_unit_waits_longer_than_the_service_drains() {
    let seconds = |key: &str| -> Option<u64> {
        let line = UNIT.lines().find_map(|line| line.strip_prefix(key))?;
        line.strip_prefix('=')?.parse().ok()
    };
    let drain = cryptlet_fabric::Service::default().drain_seconds;
    assert!(seconds("TimeoutStopSec").is_some_and(|stop| stop > drain));
    for line in ["Type=notify", "User=cryptlet", "StateDirectory=cryptlet"] {
        assert!(UNIT.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn systemd_understands_the_unit() -> Tested {
    let folder = tempfile::tempdir()?;
    let unit = folder.path().join("cryptlet.service");
    // It asks whether the program is there.
    let program = std::env::current_exe()?;
    let here = UNIT.replace("/usr/bin/cryptlet", &program.display().to_string());
    std::fs::write(&unit, here)?;
    let Ok(verified) = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&unit)
        .output()
    else {
        eprintln!("systemd-analyze is not on this machine; only the other test looked at the unit");
        return Ok(());
    };
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success(), "{said}");
    assert!(!said.contains("cryptlet.service:"), "{said}");
    Ok(())
}
