//! A witness as logs meet it.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex};

use cryptlet_attest::log::{AddCheckpoint, accept_cosignatures, cosigners};
use cryptlet_fabric::{Clock, SystemClock};
use cryptlet_service::Order;
use cryptlet_service::witness::{Start, Witness, WitnessError, serve};
use cryptlet_vault::{Cost, Passphrase};
use reqwest::{Client, StatusCode, header};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::running::Tested;
use crate::watched_log::WatchedLog;

const ORIGIN: &str = "fabric.test/log";

/// A witness that runs inside the test.
pub struct Witnessing {
    pub folder: TempDir,
    pub witness: Witness,
    pub address: SocketAddr,
    client: Client,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<Result<(), WitnessError>>,
}

fn passphrase() -> Tested<Passphrase> {
    Ok(Passphrase::new("correct horse battery staple")?)
}

fn start(witness: &Witness) -> Tested<Start> {
    Ok(Start {
        witness: witness.clone(),
        delegate: witness.unlock(&passphrase()?)?,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        clock: Arc::new(SystemClock),
    })
}

impl Witnessing {
    /// A new witness that watches nothing.
    pub async fn start() -> Tested<Self> {
        let folder = tempfile::tempdir()?;
        let witness = Witness::create(
            &folder.path().join("witness"),
            "witness.test/w1",
            &passphrase()?,
            Cost::Light,
        )?;
        Self::on(folder, witness).await
    }

    async fn on(folder: TempDir, witness: Witness) -> Tested<Self> {
        Self::with(folder, witness, Arc::new(SystemClock)).await
    }

    async fn with(folder: TempDir, witness: Witness, clock: Arc<dyn Clock>) -> Tested<Self> {
        let (orders, ordered) = mpsc::channel(8);
        let (tell, told) = oneshot::channel();
        let start = Start {
            clock,
            ..start(&witness)?
        };
        let task = tokio::spawn(serve(start, ordered, |address| {
            tell.send(address).ok();
        }));
        Ok(Self {
            folder,
            witness,
            address: told.await?,
            client: Client::builder()
                .no_proxy()
                .tls_backend_preconfigured(cryptlet_fabric::tls_configuration()?)
                .build()?,
            orders,
            task,
        })
    }

    pub async fn ask(&self, body: String) -> Tested<(StatusCode, String, String)> {
        let url = format!("http://{}/add-checkpoint", self.address);
        let answer = self.client.post(url).body(body).send().await?;
        let media = answer.headers()[header::CONTENT_TYPE].to_str()?.to_owned();
        Ok((answer.status(), media, answer.text().await?))
    }

    pub async fn stop(self) -> Tested<(TempDir, Witness)> {
        self.orders.send(Order::Stop).await?;
        self.task.await??;
        Ok((self.folder, self.witness))
    }

    async fn restart(self) -> Tested<Self> {
        let (folder, witness) = self.stop().await?;
        Self::on(folder, witness).await
    }
}

#[tokio::test]
async fn it_cosigns_what_extends_the_checkpoint_it_cosigned_before() -> Tested {
    let witness = Witnessing::start().await?;
    let mut log = WatchedLog::new(ORIGIN, 1).grown("entry", 3)?;
    witness.witness.watch(&log.trusted()?)?;
    let keys = [witness.witness.key().clone()];
    let mut old = 0;
    for _ in 0..3 {
        let request = log.request(old)?;
        let (status, _, line) = witness.ask(request.to_text()).await?;
        assert_eq!(status, StatusCode::OK, "{line}");
        let accepted = accept_cosignatures(&request.checkpoint, &line, &keys)?;
        assert_eq!(accepted, line);
        let cosigned = cosigners(&format!("{}{line}", request.checkpoint), &keys)?;
        assert_eq!(cosigned.len(), 1);
        // The same again is answered again.
        let again = log.request(log.size())?;
        assert_eq!(witness.ask(again.to_text()).await?.0, StatusCode::OK);
        old = log.size();
        log = log.grown("later", 200)?;
    }
    Ok(())
}

#[tokio::test]
async fn it_names_what_keeps_it_from_cosigning() -> Tested {
    let witness = Witnessing::start().await?;
    let log = WatchedLog::new(ORIGIN, 1).grown("entry", 3)?;
    witness.witness.watch(&log.trusted()?)?;
    let first = log.request(0)?;
    assert_eq!(witness.ask(first.to_text()).await?.0, StatusCode::OK);

    let longer = log.clone().grown("later", 4)?;
    let forked = WatchedLog::new(ORIGIN, 1).grown("other", 7)?;
    let stranger = WatchedLog::new(ORIGIN, 2).grown("entry", 3)?;
    let unknown = WatchedLog::new("other.test/log", 1).grown("entry", 3)?;
    let backwards = AddCheckpoint {
        old: 4,
        ..log.request(0)?
    };
    let cases = [
        ("no request", "nothing".to_owned(), 400),
        ("no checkpoint", "old 0\n\n\n".to_owned(), 404),
        ("not a note", format!("old 0\n\n{ORIGIN}\n3\n"), 400),
        ("too long", "old 0\n".repeat(20_000), 400),
        ("unknown log", unknown.request(0)?.to_text(), 404),
        ("another's key", stranger.request(0)?.to_text(), 403),
        ("the wrong way", backwards.to_text(), 400),
        ("outdated", longer.request(0)?.to_text(), 409),
        ("too new", longer.request(5)?.to_text(), 409),
        ("forked", forked.request(3)?.to_text(), 422),
        (
            "another root",
            WatchedLog::new(ORIGIN, 1)
                .grown("other", 3)?
                .request(3)?
                .to_text(),
            409,
        ),
        (
            "no proof",
            AddCheckpoint {
                proof: Vec::new(),
                ..longer.request(3)?
            }
            .to_text(),
            422,
        ),
    ];
    for (case, body, expected) in cases {
        let (status, media, said) = witness.ask(body).await?;
        assert_eq!(status.as_u16(), expected, "{case}: {said}");
        if status == StatusCode::CONFLICT {
            assert_eq!((media.as_str(), said.as_str()), ("text/x.tlog.size", "3\n"));
        }
        assert!(!said.contains('—'), "{case} was cosigned: {said}");
    }
    // And none of it has moved the witness.
    let (status, ..) = witness.ask(longer.request(3)?.to_text()).await?;
    assert_eq!(status, StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn it_keeps_its_word_over_a_restart() -> Tested {
    let witness = Witnessing::start().await?;
    let log = WatchedLog::new(ORIGIN, 1).grown("entry", 5)?;
    witness.witness.watch(&log.trusted()?)?;
    let (status, ..) = witness.ask(log.request(0)?.to_text()).await?;
    assert_eq!(status, StatusCode::OK);
    let witness = witness.restart().await?;
    let other = WatchedLog::new(ORIGIN, 1).grown("other", 5)?;
    for old in [0, 5] {
        let (status, _, said) = witness.ask(other.request(old)?.to_text()).await?;
        assert_eq!((status, said.as_str()), (StatusCode::CONFLICT, "5\n"));
    }
    Ok(())
}

#[tokio::test]
async fn a_log_is_added_once_and_what_was_cosigned_of_it_stands() -> Tested {
    let witness = Witnessing::start().await?;
    let log = WatchedLog::new(ORIGIN, 1).grown("entry", 5)?;
    let key = log.trusted()?;
    witness.witness.watch(&key)?;
    let (status, ..) = witness.ask(log.request(0)?.to_text()).await?;
    assert_eq!(status, StatusCode::OK);
    let again = witness.witness.watch(&key);
    assert!(matches!(
        again,
        Err(WitnessError::Watched { with: None, .. })
    ));
    let other = witness
        .witness
        .watch(&WatchedLog::new(ORIGIN, 2).trusted()?);
    assert!(matches!(other, Err(WitnessError::Watched { with: Some(known), .. }) if *known == key));
    let (status, _, said) = witness.ask(log.request(0)?.to_text()).await?;
    assert_eq!((status, said.as_str()), (StatusCode::CONFLICT, "5\n"));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_read_any_more_is_not_taken_for_nothing() -> Tested {
    let witness = Witnessing::start().await?;
    let log = WatchedLog::new(ORIGIN, 1).grown("entry", 5)?;
    witness.witness.watch(&log.trusted()?)?;
    let (status, ..) = witness.ask(log.request(0)?.to_text()).await?;
    assert_eq!(status, StatusCode::OK);
    let folder = witness.folder.path().join("witness/watched");
    let files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    let [file] = files.as_slice() else {
        return Err(format!("{} files", files.len()).into());
    };
    let text = std::fs::read_to_string(file.path())?;
    std::fs::write(file.path(), text.replace("\n5\n", "\n4\n"))?;
    for old in [0, 4, 5] {
        let (status, _, said) = witness.ask(log.request(old)?.to_text()).await?;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{said}");
        assert!(!said.contains('/'), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn it_writes_nothing_for_what_it_has_cosigned_and_keeps_no_strangers_lines() -> Tested {
    let witness = Witnessing::start().await?;
    let log = WatchedLog::new(ORIGIN, 1).grown("entry", 5)?;
    witness.witness.watch(&log.trusted()?)?;
    let file = |witness: &Witnessing| -> Tested<(u64, String)> {
        let folder = witness.folder.path().join("witness/watched");
        let file = std::fs::read_dir(folder)?.next().ok_or("no file")??;
        let text = std::fs::read_to_string(file.path())?;
        Ok((file.metadata()?.ino(), text))
    };
    let mut request = log.request(0)?;
    let note = request.checkpoint.clone();
    let stranger = WatchedLog::new("stranger.test/log", 2).checkpoint()?;
    let line = stranger.lines().last().ok_or("a signature")?;
    request.checkpoint.push_str(&format!("{line}\n"));
    let (status, _, said) = witness.ask(request.to_text()).await?;
    assert_eq!(status, StatusCode::OK, "{said}");
    let (number, text) = file(&witness)?;
    assert!(text.ends_with(&format!("\n\n{note}")), "{text}");
    let (status, ..) = witness.ask(log.request(5)?.to_text()).await?;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(file(&witness)?, (number, text));
    Ok(())
}

/// Tells that it was asked, and stands still until it is let go.
struct Stopped {
    asked: std::sync::mpsc::SyncSender<()>,
    go: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Clock for Stopped {
    fn now(&self) -> u64 {
        self.asked.send(()).ok();
        if let Ok(go) = self.go.lock() {
            go.recv().ok();
        }
        0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_cosigns_before_the_last_cosignature_is_kept() -> Tested {
    let folder = tempfile::tempdir()?;
    let (asked, is_asked) = std::sync::mpsc::sync_channel(1);
    let (let_go, go) = std::sync::mpsc::sync_channel(1);
    let clock = Arc::new(Stopped {
        asked,
        go: Mutex::new(go),
    });
    let witness = Witness::create(
        &folder.path().join("witness"),
        "witness.test/w1",
        &passphrase()?,
        Cost::Light,
    )?;
    let log = WatchedLog::new(ORIGIN, 1).grown("entry", 1)?;
    witness.watch(&log.trusted()?)?;
    let witness = Witnessing::with(folder, witness, clock).await?;
    let url = format!("http://{}/add-checkpoint", witness.address);
    let post = witness.client.post(url).body(log.request(0)?.to_text());
    let asking = tokio::spawn(post.send());
    tokio::task::spawn_blocking(move || is_asked.recv()).await??;
    // The server ends in the middle of a cosignature.
    witness.task.abort();
    asking.await?.ok();
    let second = || async {
        let (orders, ordered) = mpsc::channel(1);
        drop(orders);
        serve(start(&witness.witness)?, ordered, |_| ()).await?;
        Tested::Ok(())
    };
    let refused = second().await.err().ok_or("two are one witness")?;
    assert!(refused.to_string().contains("another process"), "{refused}");
    let_go.send(())?;
    let served = async {
        while second().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), served).await?;
    Ok(())
}

#[tokio::test]
async fn a_damaged_key_file_is_named() -> Tested {
    let folder = tempfile::tempdir()?;
    let at = folder.path().join("witness");
    Witness::create(&at, "witness.test/w1", &passphrase()?, Cost::Light)?;
    std::fs::write(at.join("witness.key"), "witness.test/w1\n")?;
    let error = Witness::open(&at).err().ok_or("it is opened")?;
    assert!(matches!(error, WitnessError::DamagedKey { .. }), "{error}");
    assert!(
        error.to_string().contains("witness.key does not hold"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn two_processes_are_not_one_witness() -> Tested {
    let witness = Witnessing::start().await?;
    let (_orders, ordered) = mpsc::channel(1);
    let second = serve(start(&witness.witness)?, ordered, |_| ()).await;
    assert!(matches!(second, Err(WitnessError::InUse(_))));
    let opened = Witness::open(&witness.folder.path().join("witness"))?;
    assert_eq!(opened.key(), witness.witness.key());
    let again = Witness::create(
        &witness.folder.path().join("witness"),
        "witness.test/w2",
        &passphrase()?,
        Cost::Light,
    );
    assert!(matches!(again, Err(WitnessError::Exists(_))));
    Ok(())
}
