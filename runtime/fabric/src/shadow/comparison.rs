//! What a candidate did otherwise than the active version.

use std::collections::BTreeSet;

use cryptlet_attest::Outcome;
use cryptlet_container::{Act, Record, Run, ShadowRun, State, Submission};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Differences of one run that are listed; more say no more.
pub const MOST_DIFFERENCES: usize = 64;

/// Letters of a value that are shown.
const MOST_LETTERS: usize = 200;

/// One field in which a candidate differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Difference {
    /// `outcome`, `failure`, `question`, `fuel`, or a path: `reply.amount`, `event/0.body.rate`,
    /// `call/0.fields.amount`, `request/0.body.amount` of a request by another method than GET and HEAD,
    /// `state/period`.
    pub field: String,
    /// What the active version gave, shortened; absent if it gave nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// What the candidate gave, shortened; absent if it gave nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
}

/// How much more fuel than the active version a candidate may take before that is a difference, in
/// percent of the active version's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FuelBound(pub u32);

impl Default for FuelBound {
    fn default() -> Self {
        Self(150)
    }
}

impl FuelBound {
    fn allows(self, active: u64, candidate: u64) -> bool {
        u128::from(candidate) * 100 <= u128::from(active) * u128::from(self.0)
    }
}

/// Lists what the candidate did otherwise, at most [`MOST_DIFFERENCES`]. Fuel counts if it lies beyond
/// the bound, and only between runs that both returned: others are charged their limit.
///
/// `state` is what both found before the run; none if the candidate found a migrated copy, whose
/// entries say nothing beside those of another state version.
#[must_use]
pub fn compare(
    active: &Run,
    candidate: &ShadowRun,
    state: Option<&State>,
    fuel: FuelBound,
) -> Vec<Difference> {
    let mut comparing = Comparing::default();
    if let Some(unanswered) = &candidate.unanswered {
        // What did not come because of it would only hide it.
        comparing.differs("question", None, Some(unanswered.to_string()));
        return comparing.found;
    }
    let run = &candidate.run;
    comparing.text(
        "outcome",
        Some(active.outcome.to_string()),
        Some(run.outcome.to_string()),
    );
    let said = |run: &Run| run.failure.as_ref().map(|failure| failure.message.clone());
    if active.outcome == run.outcome {
        comparing.text("failure", said(active), said(run));
    }
    comparing.bytes("reply", active.reply.as_deref(), run.reply.as_deref());
    comparing.calls(active, run);
    comparing.events(active, run);
    comparing.acts(&candidate.active_acts, &candidate.acts);
    if let Some(state) = state {
        comparing.state(state, active, run);
    }
    let (a, b) = (active.meter.fuel, run.meter.fuel);
    if returned(active) && returned(run) && !fuel.allows(a, b) {
        comparing.differs("fuel", Some(a.to_string()), Some(b.to_string()));
    }
    comparing.found
}

fn returned(run: &Run) -> bool {
    matches!(run.outcome, Outcome::Ok | Outcome::Failure { .. })
}

#[derive(Default)]
struct Comparing {
    found: Vec<Difference>,
}

impl Comparing {
    fn calls(&mut self, active: &Run, candidate: &Run) {
        for index in 0..active.submissions.len().max(candidate.submissions.len()) {
            let field = format!("call/{index}");
            match (
                active.submissions.get(index),
                candidate.submissions.get(index),
            ) {
                (Some(a), Some(b)) => {
                    self.text(
                        &format!("{field}.action"),
                        Some(a.action.clone()),
                        Some(b.action.clone()),
                    );
                    match (fields_of(active, a), fields_of(candidate, b)) {
                        (Some(a), Some(b)) if a != b => {
                            self.bytes(&format!("{field}.fields"), Some(a), Some(b));
                        }
                        _ => self.bytes(
                            &format!("{field}.bytes"),
                            Some(&a.call.bytes),
                            Some(&b.call.bytes),
                        ),
                    }
                }
                (a, b) => {
                    let shown = |run: &Run, call: Option<&Submission>| {
                        call.map(|call| {
                            let fields = fields_of(run, call).unwrap_or(&call.call.bytes);
                            format!("{} {}", call.action, shown(fields))
                        })
                    };
                    let (a, b) = (shown(active, a), shown(candidate, b));
                    self.differs(&field, a, b);
                }
            }
        }
    }

    fn events(&mut self, active: &Run, candidate: &Run) {
        for index in 0..active.events.len().max(candidate.events.len()) {
            let field = format!("event/{index}");
            match (active.events.get(index), candidate.events.get(index)) {
                (Some(a), Some(b)) => {
                    self.text(
                        &format!("{field}.topic"),
                        Some(a.topic.clone()),
                        Some(b.topic.clone()),
                    );
                    self.bytes(&format!("{field}.body"), Some(&a.body), Some(&b.body));
                }
                (a, b) => {
                    let shown = |event: &cryptlet_container::Event| {
                        format!("{} {}", event.topic, shown(&event.body))
                    };
                    self.differs(&field, a.map(shown), b.map(shown));
                }
            }
        }
    }

    /// What leaves at once, and cannot be taken back: as often, in the same order.
    fn acts(&mut self, active: &[Act], candidate: &[Act]) {
        for index in 0..active.len().max(candidate.len()) {
            let field = format!("request/{index}");
            match (active.get(index), candidate.get(index)) {
                (Some(a), Some(b)) => {
                    let place = |act: &Act| Some(place_of(act));
                    self.text(&format!("{field}.address"), place(a), place(b));
                    let headers = |act: &Act| Some(format!("{:?}", act.request.headers));
                    self.text(&format!("{field}.headers"), headers(a), headers(b));
                    let (a, b) = (&a.request.body, &b.request.body);
                    self.bytes(&format!("{field}.body"), a.as_deref(), b.as_deref());
                }
                (a, b) => self.differs(&field, a.map(place_of), b.map(place_of)),
            }
        }
    }

    /// Entries as they are after both runs: writing what stands there already changes nothing.
    fn state(&mut self, before: &State, active: &Run, candidate: &Run) {
        let changed: BTreeSet<&String> = active
            .state_changes
            .keys()
            .chain(candidate.state_changes.keys())
            .collect();
        for key in changed {
            let after = |run: &Run| match run.state_changes.get(key) {
                Some(change) => change.clone(),
                None => before.get(key).cloned(),
            };
            let (a, b) = (after(active), after(candidate));
            self.bytes(&format!("state/{key}"), a.as_deref(), b.as_deref());
        }
    }

    /// JSON is compared field by field, anything else as a whole.
    fn bytes(&mut self, field: &str, active: Option<&[u8]>, candidate: Option<&[u8]>) {
        if active == candidate {
            return;
        }
        let before = self.found.len();
        if let (Some(a), Some(b)) = (active.and_then(json), candidate.and_then(json)) {
            self.values(field, &a, &b);
        }
        // Other bytes for the same JSON have another digest, and a number that was read as the same
        // may not be.
        if self.found.len() == before {
            self.differs(field, active.map(shown), candidate.map(shown));
        }
    }

    fn values(&mut self, field: &str, active: &Value, candidate: &Value) {
        match (active, candidate) {
            (Value::Object(a), Value::Object(b)) => {
                let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                for name in names {
                    self.either(&format!("{field}.{name}"), a.get(name), b.get(name));
                }
            }
            (Value::Array(a), Value::Array(b)) => {
                for index in 0..a.len().max(b.len()) {
                    self.either(&format!("{field}[{index}]"), a.get(index), b.get(index));
                }
            }
            (a, b) if a == b => {}
            (a, b) => self.differs(field, Some(a.to_string()), Some(b.to_string())),
        }
    }

    fn either(&mut self, field: &str, active: Option<&Value>, candidate: Option<&Value>) {
        match (active, candidate) {
            (Some(a), Some(b)) => self.values(field, a, b),
            (a, b) => self.differs(
                field,
                a.map(ToString::to_string),
                b.map(ToString::to_string),
            ),
        }
    }

    fn text(&mut self, field: &str, active: Option<String>, candidate: Option<String>) {
        if active != candidate {
            self.differs(field, active, candidate);
        }
    }

    fn differs(&mut self, field: &str, active: Option<String>, candidate: Option<String>) {
        if self.found.len() < MOST_DIFFERENCES {
            self.found.push(Difference {
                field: shortened(field),
                active: active.as_deref().map(shortened),
                candidate: candidate.as_deref().map(shortened),
            });
        }
    }
}

/// Where an act leads: `source rate: POST https://rates.example/orders`.
fn place_of(act: &Act) -> String {
    let sources = act.sources.iter().map(|name| format!("source {name}: "));
    let request = format!("{} {}", act.request.method, act.request.url);
    sources.chain([request]).collect()
}

/// What the guest wanted to call, as it said it: the encoded call is for the chain.
fn fields_of<'a>(run: &'a Run, submission: &Submission) -> Option<&'a [u8]> {
    run.transcript
        .records()
        .iter()
        .find_map(|record| match record {
            Record::Build {
                action,
                fields,
                answer: Ok(call),
            } if *action == submission.action && *call == submission.call => {
                Some(fields.as_slice())
            }
            _ => None,
        })
}

fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes)
        .ok()
        .filter(|value: &Value| value.is_object() || value.is_array())
}

fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => format!("0x{}", hex::encode(bytes)),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cryptlet_attest::Digest;
    use cryptlet_container::{Event, HttpRequest, Meter, Transcript, Unanswered};
    use cryptlet_schema::Limits;
    use proptest::prelude::*;

    use super::*;

    fn replied(reply: &str) -> Run {
        let root = Digest::from_bytes([0; 32]);
        Run {
            outcome: Outcome::Ok,
            reply: Some(reply.into()),
            failure: None,
            submissions: Vec::new(),
            events: Vec::new(),
            logs: Vec::new(),
            state_changes: BTreeMap::new(),
            state_before: root,
            state_after: root,
            transcript: Transcript::default(),
            meter: Meter {
                fuel: 1_000,
                ..Meter::default()
            },
            limits: Limits::MAXIMUM,
            children: Vec::new(),
            discarded: false,
            diagnostic: None,
        }
    }

    fn fields(active: &Run, candidate: Run) -> Vec<String> {
        let candidate = ShadowRun {
            run: candidate,
            unanswered: None,
            acts: Vec::new(),
            active_acts: Vec::new(),
        };
        let found = compare(
            active,
            &candidate,
            Some(&State::new()),
            FuelBound::default(),
        );
        found.into_iter().map(|found| found.field).collect()
    }

    #[test]
    fn json_is_told_apart_field_by_field() {
        let active = replied(r#"{"amount":1,"legs":[{"rate":2},{"rate":3}],"to":"a"}"#);
        let candidate = replied(r#"{"amount":2,"legs":[{"rate":2},{"rate":4}],"from":"a"}"#);
        assert_eq!(
            fields(&active, candidate),
            [
                "reply.amount",
                "reply.from",
                "reply.legs[1].rate",
                "reply.to"
            ]
        );
    }

    #[test]
    fn another_spelling_of_the_same_json_is_a_difference_of_the_whole() {
        let active = replied(r#"{"a":1}"#);
        assert_eq!(fields(&active, replied(r#"{"a": 1}"#)), ["reply"]);
        let large = replied(r#"{"a":18446744073709551616000}"#);
        let larger = replied(r#"{"a":18446744073709551616001}"#);
        assert_eq!(fields(&large, larger).len(), 1);
    }

    #[test]
    fn events_that_one_side_alone_has_are_told_whole() {
        let mut active = replied("{}");
        let event = |body: &str| Event {
            topic: "Netted".into(),
            body: body.into(),
        };
        active.events = vec![event(r#"{"x":1}"#), event("{}")];
        let mut candidate = replied("{}");
        candidate.events = vec![event(r#"{"x":2}"#)];
        assert_eq!(fields(&active, candidate), ["event/0.body.x", "event/1"]);
    }

    #[test]
    fn what_acts_outside_is_compared_in_order_and_number() {
        let act = |address: &str, body: &str| Act {
            sources: vec!["desk".into()],
            request: HttpRequest {
                method: "POST".into(),
                url: format!("https://desk.example/{address}"),
                headers: Vec::new(),
                body: Some(body.into()),
            },
        };
        let found = |active: Vec<Act>, acts: Vec<Act>| {
            let candidate = ShadowRun {
                run: replied("{}"),
                unanswered: None,
                acts,
                active_acts: active,
            };
            compare(&replied("{}"), &candidate, None, FuelBound::default())
        };
        let order = || act("orders", r#"{"amount":1}"#);
        assert_eq!(found(vec![order()], vec![order()]), []);
        let omitted = found(vec![order()], vec![]);
        assert_eq!(omitted[0].field, "request/0");
        assert_eq!(
            omitted[0].active.as_deref(),
            Some("source desk: POST https://desk.example/orders")
        );
        let twice = found(vec![order()], vec![order(), order()]);
        assert_eq!(twice[0].field, "request/1");
        let larger = act("orders", r#"{"amount":2}"#);
        assert_eq!(
            found(vec![order()], vec![larger])[0].field,
            "request/0.body.amount"
        );
        let elsewhere = act("other", r#"{"amount":1}"#);
        assert_eq!(
            found(vec![order()], vec![elsewhere])[0].field,
            "request/0.address"
        );
    }

    #[test]
    fn state_is_compared_as_it_is_afterwards() {
        let before = State::from([("kept".to_owned(), b"1".to_vec())]);
        let active = replied("{}");
        let mut run = replied("{}");
        run.state_changes = BTreeMap::from([
            ("kept".to_owned(), Some(b"1".to_vec())),
            ("new".to_owned(), Some(b"2".to_vec())),
            ("never".to_owned(), None),
        ]);
        let candidate = ShadowRun {
            run,
            unanswered: None,
            acts: Vec::new(),
            active_acts: Vec::new(),
        };
        let found = compare(&active, &candidate, Some(&before), FuelBound::default());
        let expected = Difference {
            field: "state/new".into(),
            active: None,
            candidate: Some("2".into()),
        };
        assert_eq!(found, [expected]);
        assert!(compare(&active, &candidate, None, FuelBound::default()).is_empty());
    }

    #[test]
    fn fuel_is_a_difference_beyond_its_bound_alone() {
        let active = replied("{}");
        for (fuel, differs) in [(10, false), (1_500, false), (1_501, true)] {
            let mut candidate = replied("{}");
            candidate.meter.fuel = fuel;
            assert_eq!(!fields(&active, candidate).is_empty(), differs, "{fuel}");
        }
    }

    #[test]
    fn an_unanswered_question_is_the_one_difference() {
        let candidate = ShadowRun {
            run: Run {
                reply: None,
                ..replied("")
            },
            unanswered: Some(Unanswered {
                sources: vec!["rate".into()],
                call: "http.fetch",
                question: "GET http://rates.example/y".into(),
            }),
            acts: Vec::new(),
            active_acts: Vec::new(),
        };
        let found = compare(&replied("{}"), &candidate, None, FuelBound::default());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].field, "question");
        assert_eq!(
            found[0].candidate.as_deref(),
            Some("source rate: http.fetch GET http://rates.example/y")
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,300}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// No difference is ever overlooked, and none is made up; the list stays bounded.
        #[test]
        fn runs_differ_exactly_if_their_replies_do(a in value(), b in value()) {
            let (active, candidate) = (replied(&a.to_string()), replied(&b.to_string()));
            let found = fields(&active, candidate);
            prop_assert_eq!(found.is_empty(), a == b);
            prop_assert!(found.len() <= MOST_DIFFERENCES);
        }
    }
}
