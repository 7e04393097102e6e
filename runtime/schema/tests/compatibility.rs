//! What the number of a version says, and what it may change: rules against simple models of them.

use std::collections::BTreeSet;

use cryptlet_schema::{
    Bump, Capabilities, ChangeKind, Limits, Manifest, Message, Messages, StateSchema, check_bump,
    compare_manifests, neighbours,
};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use semver::{Comparator, Op, Prerelease, Version, VersionReq};

const BASE: &str = r#"
    [cryptlet]
    name = "swap"
    version = "1.0.0"
    kind = "contract"
    description = "Settles"

    [capabilities]
    ledger = true
    events = true
    sources = ["rates"]

    [messages]
    actions = ["settle(uint32 period, uint256 amount)"]
    contract-events = ["Ended(uint32 indexed period)"]
    topics = ["Netted(uint32 period)"]
"#;

fn base() -> Manifest {
    Manifest::parse(BASE).unwrap()
}

/// The base manifest under this number, with a change.
fn later(version: &str, change: impl FnOnce(&mut Manifest)) -> Manifest {
    let mut manifest = base();
    manifest.cryptlet.version = version.parse().unwrap();
    change(&mut manifest);
    manifest
}

fn message(text: &str) -> Message {
    text.parse().unwrap()
}

#[test]
fn a_patch_that_asks_for_more_is_told_what_it_takes() {
    let after = later("1.0.1", |manifest| {
        manifest.capabilities.log = true;
        manifest.capabilities.sources.push("holidays".into());
        manifest.capabilities.directories.push("documents".into());
        manifest.limits.fuel *= 2;
    });
    let breach = check_bump(&base(), &after).unwrap_err();
    assert_eq!((breach.bump, breach.needed()), (Bump::Patch, Bump::Minor));
    assert_eq!(
        breach.to_string(),
        "swap 1.0.1 is a patch version after 1.0.0, and changes more than that: capabilities gains \
         log (takes a minor version), capabilities.sources gains holidays (takes a minor version), \
         capabilities.directories gains documents (takes a minor version)"
    );
    let mut renamed = after;
    renamed.cryptlet.version = breach.needed().after(&breach.before);
    assert_eq!(renamed.cryptlet.version, Version::new(1, 1, 0));
    check_bump(&base(), &renamed).unwrap();
}

#[test]
fn a_minor_version_that_speaks_otherwise_is_told_what_it_takes() {
    let after = later("1.1.0", |manifest| {
        manifest.messages.actions = vec![message("settle(uint64 period, uint256 amount)")];
        manifest.messages.topics.clear();
        manifest.messages.request = Some(message("Standing()"));
    });
    let breach = check_bump(&base(), &after).unwrap_err();
    assert_eq!((breach.bump, breach.needed()), (Bump::Minor, Bump::Major));
    assert_eq!(
        breach.to_string(),
        "swap 1.1.0 is a minor version after 1.0.0, and changes more than that: messages.actions \
         changes from settle(uint32 period, uint256 amount) to settle(uint64 period, uint256 \
         amount) (takes a major version), messages.topics loses Netted(uint32 period) (takes a \
         major version)"
    );
}

#[test]
fn a_field_that_becomes_indexed_or_has_another_name_is_another_schema() {
    for event in ["Ended(uint32 period)", "Ended(uint32 indexed number)"] {
        let after = later("1.5.0", |manifest| {
            manifest.messages.contract_events = vec![message(event)];
        });
        let breach = check_bump(&base(), &after).unwrap_err();
        assert_eq!(breach.needed(), Bump::Major, "{event}");
    }
}

#[test]
fn a_state_version_rises_with_a_minor_version_and_falls_with_none() {
    let keeps = |number: &str, version: Option<u32>| {
        later(number, |manifest| {
            manifest.capabilities.state = version.is_some();
            manifest.state = version.map(|version| StateSchema { version });
        })
    };
    let before = keeps("1.0.0", Some(2));
    check_bump(&before, &keeps("1.0.1", Some(2))).unwrap();
    check_bump(&before, &keeps("1.1.0", Some(3))).unwrap();
    for (number, version, needed) in [
        ("1.0.1", Some(3), Bump::Minor),
        ("1.1.0", Some(1), Bump::Major),
        ("1.1.0", None, Bump::Major),
    ] {
        let breach = check_bump(&before, &keeps(number, version)).unwrap_err();
        assert_eq!(breach.needed(), needed, "{breach}");
        assert_eq!(breach.changes[0].what, "state.version");
    }
}

#[test]
fn limits_description_and_features_are_a_patch() {
    let after = later("1.0.1", |manifest| {
        manifest.limits = Limits::MAXIMUM;
        manifest.cryptlet.description = "Settles better".into();
        manifest.build.features = vec!["fast".into()];
        manifest.capabilities.sources.clear();
    });
    let changes = compare_manifests(&base(), &after);
    assert_eq!(changes.len(), 9 + 1 + 1 + 1);
    assert!(changes.iter().all(|change| change.least == Bump::Patch));
    check_bump(&base(), &after).unwrap();
}

#[test]
fn another_cryptlet_and_an_earlier_version_are_held_to_nothing() {
    let other = later("1.0.1", |manifest| {
        manifest.cryptlet.name = "cap".into();
        manifest.messages = Messages::default();
    });
    check_bump(&base(), &other).unwrap();
    let earlier = later("0.9.0", |manifest| manifest.messages = Messages::default());
    check_bump(&base(), &earlier).unwrap();
}

#[test]
fn a_pre_release_is_held_to_what_its_release_is_and_nobody_to_it() {
    let before = later("1.0.0", |_| {});
    let candidate = later("1.1.0-rc.1", |manifest| manifest.messages.actions.clear());
    assert!(check_bump(&before, &candidate).is_err());
    let candidate = later("2.0.0-rc.1", |manifest| manifest.messages.actions.clear());
    check_bump(&before, &candidate).unwrap();
    check_bump(&candidate, &later("2.0.0", |_| {})).unwrap();
}

/// Releases that are near enough to each other to be neighbours.
fn releases() -> impl Strategy<Value = Version> {
    (0u64..3, 0u64..3, 0u64..3).prop_map(|(major, minor, patch)| Version::new(major, minor, patch))
}

fn bumps() -> impl Strategy<Value = Bump> {
    prop::sample::select(vec![Bump::Patch, Bump::Minor, Bump::Major])
}

fn messages(pool: &'static [&'static str]) -> impl Strategy<Value = Vec<Message>> {
    subsequence(pool, 0..=pool.len())
        .prop_map(|texts| {
            let mut messages: Vec<Message> = Vec::new();
            for text in texts {
                let found: Message = text.parse().unwrap();
                if messages.iter().all(|other| other.name() != found.name()) {
                    messages.push(found);
                }
            }
            messages
        })
        .prop_shuffle()
}

fn names(pool: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    subsequence(pool, 0..=pool.len())
        .prop_map(|names| names.into_iter().map(str::to_owned).collect())
        .prop_shuffle()
}

/// Manifests that often have much in common.
fn manifests() -> impl Strategy<Value = Manifest> {
    let lists = (
        messages(&["pay(uint32 a)", "pay(uint64 a)", "hold()"]),
        messages(&["Ended(uint32 a)", "Ended(uint32 indexed a)", "Began()"]),
        messages(&["Netted(uint32 a)", "Netted(uint32 b)", "Failed()"]),
        prop::option::of(Just(message("Standing()"))),
    );
    let asked = (
        any::<[bool; 3]>(),
        names(&["rates", "holidays"]),
        names(&["desk"]),
        names(&["documents", "tables"]),
    );
    let limits = (1u64..3, prop::option::of(1u32..4));
    (lists, asked, limits, releases()).prop_map(|(lists, asked, limits, version)| {
        let (actions, contract_events, topics, request) = lists;
        let ([http, log, wasi], sources, keychain, directories) = asked;
        let (fuel, state) = limits;
        let mut manifest = base();
        manifest.cryptlet.version = version;
        manifest.messages = Messages {
            actions,
            contract_events,
            topics,
            request,
            reply: None,
        };
        manifest.capabilities = Capabilities {
            ledger: true,
            sources,
            events: true,
            state: state.is_some(),
            http,
            keychain,
            log,
            wasi,
            directories,
        };
        manifest.state = state.map(|version| StateSchema { version });
        manifest.limits.fuel = fuel;
        manifest
    })
}

/// What others speak with it, as a set.
fn spoken(manifest: &Manifest) -> BTreeSet<(&str, String)> {
    let all = &manifest.messages;
    let lists = [
        ("action", &all.actions),
        ("event", &all.contract_events),
        ("topic", &all.topics),
    ];
    lists
        .into_iter()
        .flat_map(|(part, messages)| messages.iter().map(move |m| (part, m.to_string())))
        .chain(all.request.iter().map(|m| ("request", m.to_string())))
        .collect()
}

/// What it asks for, as a set.
fn asked(manifest: &Manifest) -> BTreeSet<String> {
    let asked = &manifest.capabilities;
    let flags = [
        ("state", asked.state),
        ("http", asked.http),
        ("log", asked.log),
        ("wasi", asked.wasi),
    ];
    flags
        .into_iter()
        .filter(|(_, asked)| *asked)
        .map(|(name, _)| name.to_owned())
        .chain(asked.sources.iter().map(|name| format!("source {name}")))
        .chain(asked.keychain.iter().map(|name| format!("key {name}")))
        .chain(
            asked
                .directories
                .iter()
                .map(|name| format!("directory {name}")),
        )
        .collect()
}

/// The least that a change takes, told from the two sets.
fn least(before: &Manifest, after: &Manifest) -> Bump {
    let (was, is) = (spoken(before), spoken(after));
    let (read, reads) = (before.state_version(), after.state_version());
    if !is.is_superset(&was) || reads < read {
        Bump::Major
    } else if is != was || reads != read || !asked(before).is_superset(&asked(after)) {
        Bump::Minor
    } else {
        Bump::Patch
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_are_read_as_cargo_reads_them(before in releases(), after in releases()) {
        let mut comparator = Comparator::parse(&before.to_string()).unwrap();
        comparator.op = Op::Caret;
        let compatible = VersionReq { comparators: vec![comparator] }.matches(&after);
        let bump = Bump::between(&before, &after);
        prop_assert_eq!(bump.is_none(), after < before);
        prop_assert_eq!(bump.is_some_and(|bump| bump < Bump::Major), compatible);
    }

    #[test]
    fn the_version_that_is_proposed_is_raised_enough(before in releases(), bump in bumps()) {
        let proposed = bump.after(&before);
        prop_assert!(Bump::between(&before, &proposed) >= Some(bump), "{before} {proposed}");
        prop_assert!(proposed > before);
    }

    #[test]
    fn a_pre_release_counts_as_its_release(before in releases(), after in releases()) {
        prop_assume!(before < after);
        let mut candidate = after.clone();
        candidate.pre = Prerelease::new("rc.1").unwrap();
        prop_assert_eq!(Bump::between(&before, &candidate), Bump::between(&before, &after));
        prop_assert_eq!(Bump::between(&candidate, &after), None);
    }

    #[test]
    fn the_order_of_lists_says_nothing(manifest in manifests()) {
        let mut turned = manifest.clone();
        turned.messages.actions.reverse();
        turned.messages.topics.reverse();
        turned.capabilities.sources.reverse();
        prop_assert_eq!(compare_manifests(&manifest, &turned), []);
    }

    #[test]
    fn what_one_way_adds_the_other_removes(before in manifests(), after in manifests()) {
        let kinds = |from: &Manifest, to: &Manifest, turned: bool| {
            let mut kinds: Vec<_> = compare_manifests(from, to)
                .into_iter()
                .map(|change| {
                    let kind = match (change.kind(), turned) {
                        (ChangeKind::Added, true) => ChangeKind::Removed,
                        (ChangeKind::Removed, true) => ChangeKind::Added,
                        (kind, _) => kind,
                    };
                    let values = if turned {
                        (change.after, change.before)
                    } else {
                        (change.before, change.after)
                    };
                    (change.what, format!("{kind:?}"), values)
                })
                .collect();
            kinds.sort();
            kinds
        };
        prop_assert_eq!(kinds(&before, &after, false), kinds(&after, &before, true));
    }

    #[test]
    fn a_version_may_change_what_its_number_says(before in manifests(), after in manifests()) {
        let needed = least(&before, &after);
        match Bump::between(&before.cryptlet.version, &after.cryptlet.version) {
            Some(bump) if bump < needed => {
                let breach = check_bump(&before, &after).unwrap_err();
                prop_assert_eq!((breach.bump, breach.needed()), (bump, needed));
                // The number that is proposed is one that the rules take.
                let mut renamed = after.clone();
                renamed.cryptlet.version = breach.needed().after(&before.cryptlet.version);
                prop_assert_eq!(check_bump(&before, &renamed), Ok(()));
            }
            _ => prop_assert_eq!(check_bump(&before, &after), Ok(())),
        }
    }

    /// Deployed in any order, each only if it fits its neighbours: then all fit each other.
    #[test]
    fn whoever_fits_its_neighbours_fits_all(
        mut candidates in prop::collection::vec(manifests(), 1..12),
        kept in any::<Index>(),
    ) {
        // Many that differ in little more than their number are taken more often.
        let like = candidates[kept.index(candidates.len())].clone();
        for candidate in candidates.iter_mut().step_by(2) {
            candidate.messages = like.messages.clone();
        }
        let mut deployed: Vec<Manifest> = Vec::new();
        for candidate in candidates {
            let version = &candidate.cryptlet.version;
            let versions = deployed.iter().map(|manifest| &manifest.cryptlet.version);
            if versions.clone().any(|other| other == version) {
                continue;
            }
            let (lower, higher) = neighbours(versions, version);
            let of = |version: Option<&Version>| {
                deployed.iter().find(|other| Some(&other.cryptlet.version) == version)
            };
            let fits = of(lower).is_none_or(|lower| check_bump(lower, &candidate).is_ok())
                && of(higher).is_none_or(|higher| check_bump(&candidate, higher).is_ok());
            if fits {
                deployed.push(candidate);
            }
        }
        for before in &deployed {
            for after in &deployed {
                prop_assert_eq!(check_bump(before, after), Ok(()));
            }
        }
    }
}
