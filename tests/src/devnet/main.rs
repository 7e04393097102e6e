//! `cargo xtask devnet [FOLDER] [--port N] [--settled N]`: a chain with the swap of Acme and Globex on
//! it, for trying the `cryptlet` command on. It plays everybody but the host's operator; with
//! `--settled`, the operator has been and gone.

mod control;
mod folder;
mod premises;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use cryptlet_fabric::Seams;
use end_to_end::{Components, World, schedule, story};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::folder::{Folder, MarginAccount};
use crate::premises::Premises;

const USAGE: &str = "usage: devnet [FOLDER] [--port N] [--settled N]; the folder is target/devnet \
    unless named, the port of the control endpoint any free one, and N quarters have been settled \
    by a host, or none";

/// How often a block is added, so that what is included becomes final by itself.
const BLOCK_TIME: Duration = Duration::from_secs(1);

struct Arguments {
    folder: PathBuf,
    port: u16,
    settled: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    // From the first moment on: whoever ends the devnet ends its node.
    let end = Ends::listen()?;
    tokio::select! {
        reason = end.reached() => println!("{reason}; the devnet and its node end"),
        done = run(&arguments) => done?,
    }
    Ok(())
}

/// Runs until the node or the control endpoint fails.
async fn run(arguments: &Arguments) -> Result<()> {
    let path = arguments.folder.as_path();
    // What may fail by itself comes first, so that it leaves the folder as it was.
    let components = Components::read()?;
    let margin_account = MarginAccount::read()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("port {} is not free; name another", arguments.port))?;
    let mut premises = Premises::take(path)?;
    let folder = Folder::at(path);
    let world = World::before_agreement(&folder.state(), components).await?;
    settle(&world, arguments.settled).await?;
    folder.fill(&world, &margin_account)?;
    let control = format!("http://{}", listener.local_addr()?);
    folder.announce(&world.node.url(), &control)?;
    premises.record()?;
    let world = Arc::new(world);
    introduce(&world, path, &control);
    let service = axum::serve(listener, control::router(Arc::clone(&world)));
    tokio::select! {
        done = service => done.context("the control endpoint ended"),
        error = mine(&world) => Err(error),
    }
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Result<Self> {
        let mut folder = None;
        let mut arguments = Self {
            folder: "target/devnet".into(),
            port: 0,
            settled: 0,
        };
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--port" => arguments.port = number(&argument, given.next())?,
                "--settled" => arguments.settled = number(&argument, given.next())?,
                name if !name.starts_with('-') && folder.is_none() => {
                    folder = Some(PathBuf::from(name));
                }
                _ => bail!("{argument:?} is not understood; {USAGE}"),
            }
        }
        ensure!(
            arguments.settled <= schedule::QUARTERS,
            "the swap has {} quarters",
            schedule::QUARTERS
        );
        arguments.folder = folder.unwrap_or(arguments.folder);
        Ok(arguments)
    }
}

fn number<N: std::str::FromStr>(option: &str, given: Option<String>) -> Result<N> {
    given
        .and_then(|text| text.parse().ok())
        .with_context(|| format!("{option} wants a number; {USAGE}"))
}

/// Hosts the swap for its first quarters, and leaves the state folder behind.
async fn settle(world: &World, quarters: usize) -> Result<()> {
    if quarters == 0 {
        return Ok(());
    }
    world.admit().await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    for index in 0..quarters {
        world.end_period(index + 1).await?;
        story::settle(world, &fabric, index).await?;
    }
    Ok(())
}

/// Adds blocks until the node does not answer any more.
async fn mine(world: &World) -> anyhow::Error {
    let mut ticks = tokio::time::interval(BLOCK_TIME);
    loop {
        ticks.tick().await;
        if let Err(error) = world.mine(1).await {
            return error.context("the node stopped answering");
        }
    }
}

/// What ends the devnet.
struct Ends {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
}

impl Ends {
    fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one, and says which.
    async fn reached(mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "terminated",
            _ = self.hangup.recv() => "the terminal is gone",
            _ = self.interrupt.recv() => "interrupted",
            () = starter_is_gone() => "whoever started it is gone",
        }
    }
}

/// A program that starts the devnet holds the other end of a pipe. A terminal or `/dev/null`, as in
/// `devnet &`, says nothing about anybody.
async fn starter_is_gone() {
    let kind = rustix::fs::fstat(std::io::stdin())
        .map(|status| rustix::fs::FileType::from_raw_mode(status.st_mode));
    if !kind.is_ok_and(|kind| kind == rustix::fs::FileType::Fifo) {
        return std::future::pending().await;
    }
    let (gone, waiting) = tokio::sync::oneshot::channel::<()>();
    // A thread of its own: the runtime would wait for a read that never ends.
    std::thread::spawn(move || {
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        drop(gone);
    });
    drop(waiting.await);
}

fn introduce(world: &World, folder: &Path, control: &str) {
    let folder = folder.display();
    println!(
        "The chain of a devnet: Acme and Globex swap interest on 100,000,000 DUSD. The clock says 2006."
    );
    println!();
    println!("  node      {}", world.node.url());
    println!("  gateway   {}", world.contracts.gateway.address());
    println!("  swap      {}", world.contracts.swap.address());
    println!("  control   {control}");
    println!();
    println!("In {folder}, for trying things only, as the passphrase lies beside the keys:");
    println!();
    println!("  .cryptlet/     state folder for `cryptlet serve --passphrase-file passphrase`");
    println!("  binding.toml   the swap, as Acme and Globex are to sign it");
    println!("  margin.toml    another binding of theirs, which messages wake, in any order");
    println!("  components/    their cryptlets, in several versions");
    println!(
        "  acme/ globex/  each party's wallet, for `cryptlet bind sign --state acme --key acme`"
    );
    println!("  node control   the addresses above");
    println!();
    println!("From another terminal, in that folder:");
    println!();
    println!("  cryptlet serve --passphrase-file passphrase");
    for (command, meaning) in control::LEVERS {
        println!("  {command:<56}  {meaning}");
    }
    println!();
    println!("A block is added every second. The devnet is ready; Ctrl-C ends it.");
}
