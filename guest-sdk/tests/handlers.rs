//! Which handler runs, and what its answer does.

use cryptlet_sdk::keychain::{Algorithm, KeyError, PublicKey};
use cryptlet_sdk::log::Level;
use cryptlet_sdk::prelude::*;
use cryptlet_sdk::testing::{Fixture, Published};
use cryptlet_sdk::{ContractEvent, IncomingMessage};

#[message]
struct Opened {
    id: u32,
}
#[message]
struct Closed {
    id: u32,
}
#[message]
struct Release {
    id: u32,
}
#[message]
struct Released {
    id: u32,
}

#[cryptlet_sdk::contract]
mod escrow {
    use super::*;

    #[handler]
    pub fn on_opened(cx: &mut Context, opened: Emitted<Opened>) -> Result<()> {
        cx.state().set("opened-in", &opened.at.block)
    }

    #[handler]
    pub fn on_closed(cx: &mut Context, closed: Closed) -> Result<Release> {
        cx.publish(&Released { id: closed.id })?;
        Ok(Release { id: closed.id })
    }

    #[handler]
    pub fn on_plea(_: &mut Context, plea: Sent<Closed>) -> Result<()> {
        fail!(
            "not-your-call",
            "{} cannot close {}",
            plea.sender,
            plea.body.id
        )
    }

    #[handler]
    pub fn on_schedule(_: &mut Context, now: Instant) -> Result<Vec<Release>> {
        Ok((0..now.seconds() as u32).map(|id| Release { id }).collect())
    }

    #[handler]
    pub fn on_outcome(cx: &mut Context, outcome: SubmissionOutcome) -> Result<()> {
        assert_eq!(cx.status(outcome.submission), Some(outcome.status.clone()));
        info!("{} became {:?}", outcome.submission, outcome.status);
        Ok(())
    }

    /// Not a handler, whatever it looks like.
    #[allow(dead_code)]
    pub fn helper(_: &mut Context, _: Trigger) -> Result<()> {
        unreachable!("nobody marked it")
    }
}

#[test]
fn an_event_reaches_the_handler_that_takes_it() {
    let run = Fixture::contract()
        .emitted(&Closed { id: 7 })
        .run(escrow::dispatch)
        .succeeded();
    assert_eq!(run.submitted::<Release>(), [Release { id: 7 }]);
    assert_eq!(run.submissions()[0].action, "release");
    assert_eq!(run.published::<Released>(), [Released { id: 7 }]);
    assert_eq!(run.outcome().as_deref(), Ok(&b"null"[..]));
}

#[test]
fn an_event_comes_with_its_place_on_request() {
    let event = ContractEvent {
        name: "Opened".into(),
        fields: br#"{"id":1}"#.to_vec(),
        at: LedgerPosition {
            block: 99,
            ..LedgerPosition::default()
        },
        log_index: 0,
    };
    let run = Fixture::contract()
        .trigger(Trigger::ContractEvent(event))
        .run(escrow::dispatch)
        .succeeded();
    assert_eq!(run.remembered("opened-in"), Some(99));
}

#[test]
fn a_message_and_an_event_of_one_name_are_two_things() {
    let run = Fixture::contract()
        .sent("mallory", &Closed { id: 7 })
        .run(escrow::dispatch);
    assert_eq!(
        run.failure().to_string(),
        "not-your-call: mallory cannot close 7"
    );

    let run = Fixture::contract()
        .sent("mallory", &Closed { id: 7 })
        .run(escrow::on_closed);
    assert_eq!(
        run.failure().to_string(),
        "unexpected-trigger: got message `Closed`; this cryptlet takes contract event `Closed`"
    );
}

#[test]
fn a_point_of_the_schedule_may_do_several_things() {
    let run = Fixture::contract()
        .scheduled(Instant::from_milliseconds(3_999))
        .run(escrow::dispatch)
        .succeeded();
    let ids: Vec<u32> = run
        .submitted::<Release>()
        .iter()
        .map(|release| release.id)
        .collect();
    assert_eq!(ids, [0, 1, 2]);
    let numbers: Vec<u64> = run
        .submissions()
        .iter()
        .map(|submitted| submitted.submission.number())
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn an_outcome_reaches_its_handler() {
    let run = Fixture::contract()
        .settled(
            Submission::from_number(4),
            SubmissionStatus::Reverted("no".into()),
        )
        .run(escrow::dispatch)
        .succeeded();
    assert_eq!(
        run.logs(),
        [(
            Level::Info,
            "submission 4 became Reverted(\"no\")".to_owned()
        )]
    );
}

#[test]
fn a_trigger_that_nobody_takes_is_a_clear_failure() {
    let stranger = IncomingMessage {
        sender: "s".into(),
        topic: "Other".into(),
        body: b"{}".to_vec(),
    };
    let run = Fixture::contract()
        .trigger(Trigger::Message(stranger))
        .run(escrow::dispatch);
    assert_eq!(run.failure().code(), "unexpected-trigger");
    assert_eq!(
        run.failure().message(),
        "got message `Other`; this cryptlet takes contract event `Opened`, contract event \
         `Closed`, message `Closed`, schedule, receipt of a submission"
    );
}

#[test]
fn a_body_that_does_not_fit_fails_before_the_handler() {
    let event = ContractEvent {
        name: "Closed".into(),
        fields: br#"{"id":"7"}"#.to_vec(),
        at: LedgerPosition::default(),
        log_index: 0,
    };
    let run = Fixture::contract()
        .trigger(Trigger::ContractEvent(event))
        .run(escrow::dispatch);
    assert_eq!(run.failure().code(), "invalid-message");
    assert!(run.failure().message().starts_with("Closed: "));
}

#[test]
fn drafts_made_by_hand_are_submitted_once() {
    fn by_hand(cx: &mut Context, closed: Closed) -> Result<(Submission, Draft)> {
        let first = cx.build(&Release { id: closed.id })?;
        let unused = cx.build(&Release { id: 100 })?;
        assert_ne!(first.digest(), unused.digest());
        let first = cx.submit(first);
        assert_eq!(cx.status(first), None);
        Ok((first, cx.build(&Release { id: 2 })?))
    }
    let run = Fixture::contract()
        .emitted(&Closed { id: 1 })
        .run(by_hand)
        .succeeded();
    assert_eq!(
        run.submitted::<Release>(),
        [Release { id: 1 }, Release { id: 2 }]
    );
}

#[test]
fn a_failed_run_leaves_nothing_but_its_logs() {
    fn halfway(cx: &mut Context, closed: Closed) -> Result<Release> {
        cx.state().set("touched", &true)?;
        cx.state().remove("kept");
        cx.publish(&Released { id: closed.id })?;
        let draft = cx.build(&Release { id: closed.id })?;
        cx.submit(draft);
        warn!("about to fail");
        fail!("changed-my-mind", "no")
    }
    let run = Fixture::contract()
        .remembering("kept", &1)
        .emitted(&Closed { id: 1 })
        .run(halfway);
    assert_eq!(run.failure().code(), "changed-my-mind");
    assert!(run.submissions().is_empty() && run.events().is_empty());
    assert_eq!(run.remembered("kept"), Some(1));
    assert_eq!(run.remembered::<bool>("touched"), None);
    assert_eq!(run.logs(), [(Level::Warn, "about to fail".to_owned())]);
}

#[test]
fn a_build_error_says_what_the_schema_wants() {
    fn release(_: &mut Context, closed: Closed) -> Result<Release> {
        Ok(Release { id: closed.id })
    }
    let refusing = |error: fn() -> BuildError| {
        let fixture = Fixture::contract().checking_actions(move |_, _| Err(error()));
        fixture
            .emitted(&Closed { id: 1 })
            .run(release)
            .failure()
            .to_string()
    };
    assert_eq!(
        refusing(|| BuildError::Field {
            path: "id".into(),
            expected: "uint8".into(),
            found: "300".into(),
        }),
        "action-field: field `id`: expected uint8, found 300"
    );
    assert!(
        refusing(|| BuildError::UnknownAction("release".into())).starts_with("unknown-action: ")
    );
    assert!(
        refusing(|| BuildError::NotGranted("ledger".into())).starts_with("ledger-not-granted: ")
    );
}

#[message]
struct Question {
    text: String,
}
#[message]
struct Answer {
    text: String,
}

#[cryptlet_sdk::utility]
fn echo(cx: &mut Context, question: Question) -> Result<Answer> {
    let page = cx.get("grant://echo/prefix")?.expect_status(200)?;
    Ok(Answer {
        text: format!("{}{}", page.text()?, question.text),
    })
}

fn ask(cx: &mut Context, closed: Closed) -> Result<Option<Release>> {
    let question = Question {
        text: closed.id.to_string(),
    };
    let answer: Result<Answer, AskError> = cx.ask("echo", &question);
    match answer {
        Ok(answer) => Ok(Some(Release {
            id: answer.text.parse()?,
        })),
        Err(AskError::Failed { failure, .. }) if failure.code() == "http-status" => Ok(None),
        Err(other) => Err(other.into()),
    }
}

#[test]
fn a_source_can_be_a_cryptlet_of_its_own() {
    let with = |response: Response| {
        let source = Fixture::utility().page("grant://echo/prefix", response);
        Fixture::contract()
            .source_cryptlet("echo", Question::NAME, source, echo)
            .emitted(&Closed { id: 5 })
            .run(ask)
    };
    assert_eq!(
        with(Response::new(200, "1")).submitted::<Release>(),
        [Release { id: 15 }]
    );
    assert!(
        with(Response::new(503, ""))
            .succeeded()
            .submissions()
            .is_empty()
    );
    assert_eq!(
        with(Response::new(200, "x")).failure().code(),
        "invalid-number"
    );
}

#[test]
fn asking_fails_with_a_code_for_each_reason() {
    let run = Fixture::contract().emitted(&Closed { id: 5 }).run(ask);
    assert_eq!(run.failure().code(), "unknown-source");

    let run = Fixture::contract()
        .source("echo", |_: Question| -> Result<Answer> {
            fail!("tired", "ask later")
        })
        .emitted(&Closed { id: 5 })
        .run(ask);
    assert_eq!(run.failure().code(), "source-failed");
    assert!(run.failure().message().contains("tired: ask later"));

    let run = Fixture::contract()
        .source("echo", |_: Question| Ok(Closed { id: 1 }))
        .emitted(&Closed { id: 5 })
        .run(ask);
    assert_eq!(run.failure().code(), "source-message");
}

#[test]
fn a_utility_cryptlet_replies_with_its_message() {
    let run = Fixture::utility()
        .page("grant://echo/prefix", Response::new(200, "> "))
        .asked(&Question { text: "hi".into() })
        .run(echo);
    assert_eq!(
        run.reply::<Answer>(),
        Answer {
            text: "> hi".into()
        }
    );
    assert_eq!(run.outcome().as_deref(), Ok(&br#"{"text":"> hi"}"#[..]));
}

#[test]
fn state_is_typed_paged_and_ordered() {
    fn fill(cx: &mut Context, _: Instant) -> Result<()> {
        for number in 0..200 {
            cx.state().set(&format!("n/{number:03}"), &number)?;
        }
        cx.state().set_bytes("raw", &[0xff]);
        let keys = cx.state().keys("n/");
        assert_eq!(keys.len(), 200);
        assert!(keys.is_sorted());
        assert_eq!(cx.state().get::<u32>("n/017")?, Some(17));
        assert_eq!(cx.state().get::<u32>("absent")?, None);
        cx.state().remove("n/017");
        assert_eq!(cx.state().get_bytes("n/017"), None);
        cx.state().get::<u32>("raw")?;
        Ok(())
    }
    let run = Fixture::contract().scheduled(Instant::default()).run(fill);
    assert_eq!(run.failure().code(), "invalid-state");
    assert!(run.failure().message().starts_with("state `raw`: "));
}

#[test]
fn keys_sign_by_name() {
    fn sign(cx: &mut Context, _: Instant) -> Result<()> {
        assert_eq!(cx.sign("seal", b"ab")?, b"ba");
        assert_eq!(cx.public_key("seal")?.algorithm, Algorithm::Ed25519);
        assert_eq!(
            cx.sign("other", b""),
            Err(KeyError::UnknownKey("other".into()))
        );
        cx.public_key("other").map(drop).map_err(Error::from)
    }
    let public = PublicKey {
        algorithm: Algorithm::Ed25519,
        bytes: vec![1; 32],
    };
    let run = Fixture::utility()
        .key("seal", public, |message| {
            message.iter().rev().copied().collect()
        })
        .scheduled(Instant::default())
        .run(sign);
    assert_eq!(run.failure().code(), "unknown-key");
}

#[test]
fn a_handler_knows_its_invocation() {
    fn look(cx: &mut Context, _: Trigger) -> Result<()> {
        cx.publish(&Question {
            text: format!("{} {} {}", cx.binding(), cx.invocation(), cx.instant()),
        })
    }
    let run = Fixture::contract()
        .binding("0x2a")
        .number(9)
        .instant(Instant::from_milliseconds(5))
        .run(look);
    let body = br#"{"text":"0x2a 9 5 ms"}"#.to_vec();
    assert_eq!(
        run.events(),
        [Published {
            topic: "Question".into(),
            body
        }]
    );
}

#[test]
fn a_panic_in_a_handler_leaves_no_host_behind() {
    fn broken(_: &mut Context, _: Trigger) -> Result<()> {
        panic!("broken")
    }
    let panicked = std::panic::catch_unwind(|| Fixture::contract().run(broken));
    assert!(panicked.is_err());
    let outside = std::panic::catch_unwind(|| error!("nobody listens"));
    assert!(outside.is_err(), "the fixture of the run before is gone");
    Fixture::contract()
        .emitted(&Closed { id: 1 })
        .run(escrow::dispatch)
        .succeeded();
}

#[test]
#[should_panic(expected = "the run failed with changed: no; it logged")]
fn asserting_success_shows_the_error() {
    fn failing(_: &mut Context, _: Trigger) -> Result<()> {
        fail!("changed", "no")
    }
    Fixture::contract().run(failing).succeeded();
}

#[message]
struct Counted {
    by: u32,
}

/// State version 2 counts each party; version 1 kept one number for all.
#[cryptlet_sdk::contract]
fn on_counted(cx: &mut Context, counted: Counted) -> Result<()> {
    let all: u32 = cx.state().get("count/all")?.unwrap_or(0);
    cx.state().set("count/all", &(all + counted.by))
}

#[cryptlet_sdk::migrate]
fn migrate(cx: &mut Migration, from: u32) -> Result<()> {
    ensure!(
        from == 1,
        "unknown-version",
        "there was no state version {from}"
    );
    let count: u32 = cx.state().get("count")?.unwrap_or(0);
    info!("{count} become those of all");
    cx.state().remove("count");
    cx.state().set("count/all", &count)
}

#[test]
fn a_migration_leaves_what_the_new_handlers_read() {
    let migrated = Fixture::contract()
        .remembering("count", &41_u32)
        .migrate(1, migrate)
        .succeeded();
    assert_eq!(migrated.remembered::<u32>("count"), None);
    assert_eq!(
        migrated.logs(),
        [(Level::Info, "41 become those of all".to_owned())]
    );
    let counted = Fixture::contract()
        .state(migrated.state().clone())
        .emitted(&Counted { by: 1 })
        .run(on_counted);
    assert_eq!(counted.remembered("count/all"), Some(42_u32));
}

#[test]
fn a_migration_that_fails_leaves_the_state_as_it_was() {
    let refused = Fixture::contract()
        .remembering("count", &41_u32)
        .migrate(7, migrate);
    assert_eq!(refused.failure().code(), "unknown-version");
    assert_eq!(refused.remembered("count"), Some(41_u32));
}
