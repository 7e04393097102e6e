//! What is not waited for when the service is told to stop.

use std::path::Path;
use std::time::Duration;

use cryptlet_container::CompilerProgram;
use cryptlet_fabric::Service;
use cryptlet_service::{Ending, Order};
use reqwest::Method;

use crate::running::{Running, Tested, prepare, start};

const MANIFEST: &str = r#"
[cryptlet]
name = "compiles-for-ever"
version = "1.0.0"
kind = "contract"
description = "Stops"
"#;

/// A component that is nothing but its manifest: whether it is more is found out by the compiler.
fn component() -> Tested<Vec<u8>> {
    let name = "cryptlet:manifest";
    let mut component = b"\0asm\x0d\0\x01\0\0".to_vec();
    let length = 1 + name.len() + MANIFEST.len();
    // Two bytes with seven bits each.
    component.push(u8::try_from(length % 128)? | 128);
    component.push(u8::try_from(length / 128)?);
    component.push(u8::try_from(name.len())?);
    component.extend_from_slice(name.as_bytes());
    component.extend_from_slice(MANIFEST.as_bytes());
    Ok(component)
}

/// Compiles for as long as the folder is there.
fn endless_compiler(folder: &Path) -> CompilerProgram {
    let folder = folder.display();
    let script =
        format!("cd {folder}; echo > asked; while [ -e asked ]; do sleep 0.01; done; exit 3");
    CompilerProgram {
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
    }
}

/// How a service ends that compiles when the orders come.
async fn ending(drain_seconds: u64, orders: &[Order]) -> Tested<Ending> {
    let state = tempfile::tempdir()?;
    let compiling = tempfile::tempdir()?;
    let service = Service {
        drain_seconds,
        ..Service::default()
    };
    let delegate = prepare(state.path(), service)?;
    let mut start = start(state.path(), delegate)?;
    start.seams.compiler = Some(endless_compiler(compiling.path()));
    let service = Running::started(state, start).await?;
    let deployment = service
        .request(Method::POST, "/v1/versions")
        .header("content-type", "application/wasm")
        .body(component()?);
    let deployment = tokio::spawn(deployment.send());
    let asked = compiling.path().join("asked");
    let is_asked = async {
        while !asked.exists() {
            assert!(!deployment.is_finished(), "it was answered");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), is_asked).await?;
    let (_, ending) = service.stop_by(orders).await?;
    assert!(asked.exists(), "it compiles no more");
    drop(deployment.await?);
    Ok(ending)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compilation_is_cut_off_when_the_time_to_drain_is_over() -> Tested {
    assert_eq!(ending(1, &[Order::Stop]).await?, Ending::CutShort);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_order_to_stop_cuts_a_compilation_off() -> Tested {
    let orders = [Order::Stop, Order::StopNow];
    assert_eq!(ending(3600, &orders).await?, Ending::CutShort);
    Ok(())
}
