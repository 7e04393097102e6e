//! What a verified bundle allows to say.

use super::context::Context;
use super::document::Bundle;
use super::openings::events;
use super::verdict::{BundleClaim, Standing};
use crate::log::{Checkpoint, Cosigned};
use crate::verdict::{BROKEN_BY_REPLAY, counted, ended};
use crate::{Appraisal, Basis, Claim, Execution, Measurement, Output, Statement, view};

/// All that the claims are drawn from.
pub(super) struct Shown<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) run: &'a Statement,
    pub(super) sources: &'a [Statement],
    pub(super) context: &'a Context,
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) cosigned: &'a [Cosigned],
    pub(super) extended: Option<&'a Checkpoint>,
    pub(super) appraisals: &'a [Appraisal],
    pub(super) expected: Option<&'a Measurement>,
}

pub(super) fn claims(shown: &Shown<'_>) -> Vec<BundleClaim> {
    vec![
        shown.module(),
        shown.version(),
        shown.input(),
        shown.output(),
        shown.cost(),
        shown.order(),
        shown.log(),
        shown.host(),
        shown.chain(),
        shown.source(),
    ]
}

impl Shown<'_> {
    fn execution(&self) -> &Execution {
        &self.run.execution
    }

    fn signed(&self) -> Basis {
        Basis::Signature {
            key: self.checkpoint.signer.clone(),
        }
    }

    fn until_replayed(&self) -> Basis {
        if self.execution().outcome.is_replayable() {
            Basis::HostUntilReplayed
        } else {
            Basis::Host
        }
    }

    fn has_module(&self, measurement: &Measurement) -> bool {
        self.bundle
            .modules
            .iter()
            .any(|module| Measurement::of(module) == *measurement)
    }

    fn module(&self) -> BundleClaim {
        let run = self.execution();
        let is_here = self.has_module(&run.measurement);
        let bytes = if is_here {
            "its bytes are in this file, and measure that"
        } else {
            "its bytes are not in this file; compare the measurement with that of the component you have"
        };
        let expected = match self.expected {
            Some(_) => "it is the module that you expected",
            None => "nobody said here which module was expected",
        };
        BundleClaim {
            claim: Claim {
                name: "module",
                says: format!(
                    "the module {} ran; {expected}, and {bytes}. That these bytes and no others ran is the host's word",
                    run.measurement
                ),
                rests_on: self.until_replayed(),
                broken_by: BROKEN_BY_REPLAY,
            },
            standing: if is_here {
                Standing::Shown
            } else {
                Standing::HostsWord
            },
        }
    }

    fn version(&self) -> BundleClaim {
        let run = self.execution();
        let deployed = match self.context.deployed {
            Some(index) => format!("entry {index} deployed this version with these bytes"),
            None => "the entry that deployed it is withheld".to_owned(),
        };
        let activated = match self.context.activated {
            Some(index) => format!("entry {index} activated the binding in the version"),
            None => "the entry that activated the binding is withheld; its version is".to_owned(),
        };
        let moves = counted(self.context.moves.len() as u64, "later move");
        let document = match &self.bundle.agreement {
            Some(agreement) => format!(
                "the document with this hash is in this file, with {}",
                counted(agreement.approvals.len() as u64, "approval")
            ),
            None => "the document with this hash is withheld".to_owned(),
        };
        BundleClaim {
            claim: Claim {
                name: "version",
                says: format!(
                    "it was {} {}; {deployed}; {activated} {}, with {moves} of its versions shown; {document}",
                    run.cryptlet, run.version, run.binding_version
                ),
                rests_on: if self.context.deployed.is_some() {
                    self.signed()
                } else {
                    Basis::Host
                },
                broken_by: "another deployment of the name and version in the same log",
            },
            standing: standing(self.context.deployed.is_some()),
        }
    }

    fn input(&self) -> BundleClaim {
        let run = self.execution();
        let shown = self.bundle.opening(0, "input");
        let says = match shown {
            Some(opening) => format!(
                "the input is the one in this file, {}; its trigger was of the kind {}",
                counted(opening.value.len() as u64, "byte"),
                run.trigger.kind
            ),
            None => format!(
                "the input is withheld; only its salted digest {} is here, which nobody can find by trying. Its trigger was of the kind {}",
                run.input, run.trigger.kind
            ),
        };
        BundleClaim {
            claim: Claim {
                name: "input",
                says,
                rests_on: if shown.is_some() {
                    Basis::Computed
                } else {
                    Basis::Host
                },
                broken_by: "a collision of BLAKE3",
            },
            standing: standing(shown.is_some()),
        }
    }

    fn output(&self) -> BundleClaim {
        let run = self.execution();
        let mut said = vec![ended(&run.outcome)];
        let mut withheld = 0;
        let mut tell = |what: String, field: &str| {
            let here = self.bundle.opening(0, field).is_some();
            withheld += usize::from(!here);
            said.push(format!(
                "{what} is {}",
                if here { "in this file" } else { "withheld" }
            ));
        };
        if run.reply.is_some() {
            tell("its reply".to_owned(), "reply");
        }
        for (position, (topic, _)) in events(run).enumerate() {
            tell(format!("its event {topic}"), &format!("event/{position}"));
        }
        for output in &run.outputs {
            if let Output::Delivery {
                ledger,
                delivery,
                output_hash,
            } = output
            {
                said.push(format!(
                    "its delivery {delivery} to {ledger} makes the call with the hash 0x{}",
                    hex::encode(output_hash)
                ));
            }
        }
        BundleClaim {
            claim: Claim {
                name: "output",
                says: said.join("; "),
                rests_on: self.until_replayed(),
                broken_by: BROKEN_BY_REPLAY,
            },
            standing: standing(withheld == 0),
        }
    }

    fn cost(&self) -> BundleClaim {
        let run = self.execution();
        let limits: Vec<String> = run
            .limits
            .iter()
            .map(|(name, allowed)| format!("{name} {allowed}"))
            .collect();
        BundleClaim {
            claim: Claim {
                name: "cost",
                says: format!(
                    "it cost {} fuel, {} bytes of memory and {}; it was allowed {}",
                    run.fuel,
                    run.peak_memory,
                    counted(run.host_calls, "host call"),
                    if limits.is_empty() {
                        "what the host does not state".to_owned()
                    } else {
                        limits.join(", ")
                    }
                ),
                rests_on: self.until_replayed(),
                broken_by: BROKEN_BY_REPLAY,
            },
            standing: Standing::HostsWord,
        }
    }

    fn order(&self) -> BundleClaim {
        let run = self.execution();
        let accepted = match self.context.accepted {
            Some(index) => format!(
                "entry {index} accepted it before it ran, with module, trigger, input, instant and seed fixed then"
            ),
            None => {
                "the entry that accepted it is withheld, so that nothing here fixes its instant and seed before the run"
                    .to_owned()
            }
        };
        let previous = match (self.run.host.previous, self.context.previous) {
            (None, _) => "it names no run before it".to_owned(),
            (Some(_), Some(index)) => format!("entry {index} is the run before it"),
            (Some(hash), None) => format!("the run before it, {hash}, is withheld"),
        };
        BundleClaim {
            claim: Claim {
                name: "order",
                says: format!(
                    "it is invocation {} of binding {}, entry {} of the log; {accepted}; {previous}",
                    run.invocation, run.binding, self.bundle.run.index
                ),
                rests_on: self.signed(),
                broken_by: "two acceptances of the number, or a gap between two runs, in the same log",
            },
            standing: standing(self.context.accepted.is_some()),
        }
    }

    fn log(&self) -> BundleClaim {
        let witnesses: Vec<String> = self
            .cosigned
            .iter()
            .map(|cosigned| format!("{} at {}", cosigned.witness, witnessed(cosigned)))
            .collect();
        let cosigned = if witnesses.is_empty() {
            "no witness that you trust has cosigned it".to_owned()
        } else {
            format!("cosigned by {}", witnesses.join(", "))
        };
        let extended = match self.extended {
            Some(earlier) => format!(
                "it extends the log of {} entries under the earlier checkpoint",
                earlier.size
            ),
            None if !witnesses.is_empty() => {
                "that everybody is shown the same log is these witnesses' word".to_owned()
            }
            None => {
                "that everybody is shown the same log is not proven: compare the checkpoint with an earlier one that you have, a cosignature, or a receipt hash on a chain"
                    .to_owned()
            }
        };
        BundleClaim {
            claim: Claim {
                name: "log",
                says: format!(
                    "it is entry {} of the log {} as it stood with {} entries, with the receipt hash {}; {cosigned}; {extended}",
                    self.bundle.run.index,
                    self.checkpoint.origin,
                    self.checkpoint.size,
                    self.bundle.run.leaf_hash(),
                ),
                rests_on: self.signed(),
                broken_by: "another checkpoint by the same key that this one does not extend: then the host shows different logs",
            },
            standing: Standing::Shown,
        }
    }

    fn host(&self) -> BundleClaim {
        let host = &self.run.host;
        let evidence = if self.appraisals.is_empty() {
            "no evidence is in this file".to_owned()
        } else {
            let said: Vec<&str> = self
                .appraisals
                .iter()
                .map(|appraisal| appraisal.says.as_str())
                .collect();
            format!("the evidence in this file is {}", said.join("; "))
        };
        BundleClaim {
            claim: Claim {
                name: "host",
                says: format!(
                    "fabric {} with wasmtime {} and the key {} ran it; {evidence}",
                    host.fabric_version, host.wasmtime, host.key
                ),
                rests_on: Basis::Host,
                broken_by: "whoever else holds the key, or a host that admits to another executable",
            },
            standing: Standing::HostsWord,
        }
    }

    fn chain(&self) -> BundleClaim {
        let run = self.execution();
        let trigger = match &run.trigger.position {
            Some(position) => format!(
                "its trigger stands in block {} of {}, in the transaction 0x{}",
                position.block,
                position.chain,
                hex::encode(position.transaction)
            ),
            None => "its trigger stands on no chain".to_owned(),
        };
        let deliveries: Vec<String> = run
            .outputs
            .iter()
            .filter_map(|output| match output {
                Output::Delivery {
                    ledger, delivery, ..
                } => Some(format!("{delivery} to {ledger}")),
                Output::Event { .. } => None,
            })
            .collect();
        let delivered = if deliveries.is_empty() {
            "it delivers nothing".to_owned()
        } else {
            format!("its deliveries are {}", deliveries.join(", "))
        };
        BundleClaim {
            claim: Claim {
                name: "chain",
                says: format!("{trigger}; {delivered}"),
                rests_on: Basis::Host,
                broken_by: "the chain, if it shows something else",
            },
            standing: Standing::HostsWord,
        }
    }

    fn source(&self) -> BundleClaim {
        let asked: Vec<String> = self
            .sources
            .iter()
            .map(|source| self.answered(&source.execution))
            .collect();
        let says = if asked.is_empty() {
            "it asked no source; what came over HTTP, if anything did, is in the transcript"
                .to_owned()
        } else {
            format!(
                "it asked {}; what they and it had from outside is in their transcripts",
                asked.join(", and ")
            )
        };
        let all_here = self.sources.iter().all(|source| {
            let run = &source.execution;
            run.reply.is_none() || self.bundle.opening(run.ordinal, "reply").is_some()
        });
        BundleClaim {
            claim: Claim {
                name: "source",
                says,
                rests_on: if self.sources.is_empty() {
                    Basis::Host
                } else {
                    self.until_replayed()
                },
                broken_by: "a replay of the sources; for what came from outside, whoever was asked",
            },
            standing: if asked.is_empty() {
                Standing::HostsWord
            } else {
                standing(all_here)
            },
        }
    }

    fn answered(&self, source: &Execution) -> String {
        let reply = if source.reply.is_none() {
            format!("without a reply: {}", ended(&source.outcome))
        } else if self.bundle.opening(source.ordinal, "reply").is_some() {
            "whose reply is in this file".to_owned()
        } else {
            "whose reply is withheld".to_owned()
        };
        format!(
            "{} ({} {}, module {}), {reply}",
            source.source.as_deref().unwrap_or_default(),
            source.cryptlet,
            source.version,
            source.measurement
        )
    }
}

fn witnessed(cosigned: &Cosigned) -> String {
    view::instant(cosigned.seconds.saturating_mul(1_000))
}

fn standing(is_here: bool) -> Standing {
    if is_here {
        Standing::Shown
    } else {
        Standing::Withheld
    }
}
