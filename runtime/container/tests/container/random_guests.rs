//! Guests that nobody thought of: random programs over integers, floats, vectors and memory that call
//! their host and end.
//!
//! They are generated here and not by wasm-smith, whose modules hardly ever come to an end: a run that
//! does not return is charged its limit, so that there would be no fuel to compare.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::guests::{component, manifest};

const CAPABILITIES: &str = "[capabilities]\nstate = true\nlog = true\nwasi = true\nevents = true\n\
    [limits]\nhost-calls = 4000\nfuel = 200000000\n[messages]\ntopics = [\"Said()\"]\n";

/// A guest that ends by itself.
pub fn ending() -> impl Strategy<Value = Vec<u8>> {
    steps().prop_map(|steps| guest(&steps.concat()))
}

/// A guest that is stopped somewhere on its way.
pub fn stopped() -> impl Strategy<Value = Vec<u8>> {
    let stop = prop_oneof![
        Just("(unreachable)"),
        Just("(loop $for-ever (br $for-ever))"),
        Just("(drop (memory.grow (i32.const 5000)))"),
        Just("(drop (i32.load (i32.const -4)))"),
        Just("(local.set $j (i64.div_s (local.get $k) (i64.const 0)))"),
        Just("(call $state_set (i32.const -8) (i32.const 64) @‹x›)"),
    ];
    (steps(), stop, steps()).prop_map(|(before, stop, after)| {
        guest(&format!("{}{stop}{}", before.concat(), after.concat()))
    })
}

fn guest(steps: &str) -> Vec<u8> {
    let wat = format!(
        "(table $functions funcref (elem $twice $mixed))
         (type $function (func (param i64) (result i64)))
         (func $twice (type $function) (i64.mul (local.get 0) (i64.const 2)))
         (func $mixed (type $function)
           (i64.rotl (i64.xor (local.get 0) (i64.const 0x9e3779b97f4a7c15)) (i64.const 23)))
         (func (export \"cryptlet:fabric/cryptlet@0.1.0#handle\") (param $in i32) (result i32)
           (local $i i32) (local $x i32) (local $y i32) (local $j i64) (local $k i64)
           (local $d f64) (local $e f64) (local $s f32) (local $v v128)
           (local $turn0 i32) (local $turn1 i32) (local $turn2 i32)
           {steps}
           (i64.store (i32.const 512) (local.get $j))
           (i64.store (i32.const 520) (local.get $k))
           (f64.store (i32.const 528) (local.get $d))
           (f64.store (i32.const 536) (local.get $e))
           (f32.store (i32.const 544) (local.get $s))
           (v128.store (i32.const 548) (local.get $v))
           (call $ok (i32.const 512) (i32.const 52)))"
    );
    component(&manifest("contract", CAPABILITIES), &wat)
}

/// Calls of the host stand between the others, never in a loop: the run is to end by itself.
fn steps() -> impl Strategy<Value = Vec<String>> {
    vec(prop_oneof![2 => step(), 1 => call()], 1..10)
}

fn step() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        word().prop_map(|value| format!("(local.set $x {value})")),
        word().prop_map(|value| format!("(local.set $y {value})")),
        long().prop_map(|value| format!("(local.set $j {value})")),
        long().prop_map(|value| format!("(local.set $k {value})")),
        float().prop_map(|value| format!("(local.set $d {value})")),
        float().prop_map(|value| format!("(local.set $e {value})")),
        float().prop_map(|value| format!("(local.set $s (f32.demote_f64 {value}))")),
        (float(), vector()).prop_map(|(value, name)| format!(
            "(local.set $v ({name} (local.get $v) (f64x2.splat {value})))"
        )),
        (address(), long()).prop_map(|(at, value)| format!("(i64.store {at} {value})")),
        (address(), float()).prop_map(|(at, value)| format!("(f64.store {at} {value})")),
        (address(), address(), 0..4096_u32).prop_map(|(to, from, length)| {
            format!("(memory.copy {to} {from} (i32.const {length}))")
        }),
        (address(), word(), 0..4096_u32).prop_map(|(to, byte, length)| {
            format!("(memory.fill {to} {byte} (i32.const {length}))")
        }),
        (word(), long()).prop_map(|(which, value)| {
            format!(
                "(local.set $k (call_indirect (type $function) {value}
                   (i32.and {which} (i32.const 1))))"
            )
        }),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let block = vec(inner, 1..4).prop_map(|steps| steps.concat());
        prop_oneof![
            (word(), block.clone(), block.clone()).prop_map(|(condition, then, otherwise)| {
                format!("(if {condition} (then {then}) (else {otherwise}))")
            }),
            (1..12_u32, block).prop_map(|(turns, body)| repeated(turns, &body)),
        ]
    })
    .boxed()
}

/// A loop with a counter that no loop within has.
fn repeated(turns: u32, body: &str) -> String {
    let mut counters = (0..).map(|level| format!("$turn{level}"));
    let counter = counters
        .find(|counter| !body.contains(counter))
        .expect("there is always another number");
    format!(
        "(local.set {counter} (i32.const 0))
         (loop $again
           {body}
           (local.set {counter} (i32.add (local.get {counter}) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get {counter}) (i32.const {turns}))))"
    )
}

/// Addresses between the texts of a guest and its allocations, which nothing random may hit.
fn address() -> impl Strategy<Value = String> {
    word().prop_map(|value| {
        format!("(i32.add (i32.const 16384) (i32.and {value} (i32.const 0x7fff)))")
    })
}

fn call() -> impl Strategy<Value = String> {
    let key = prop_oneof![Just("@‹a›"), Just("@‹rate/2006›"), Just("@‹›")];
    prop_oneof![
        key.clone()
            .prop_map(|key| format!("(call $state_get {key} (i32.const 256))")),
        (key.clone(), 0..200_u32).prop_map(|(key, length)| {
            format!("(call $state_set {key} (i32.const 16384) (i32.const {length}))")
        }),
        key.prop_map(|key| format!("(call $state_remove {key})")),
        Just(
            "(call $state_keys @‹› (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9)
               (i32.const 256))"
                .to_owned()
        ),
        Just("(call $log (i32.const 1) @‹a line›)".to_owned()),
        Just("(call $publish @‹Said› @‹{}›)".to_owned()),
        (0..64_u32)
            .prop_map(|length| format!("(call $random (i64.const {length}) (i32.const 256))")),
        Just(
            "(call $wall_now (i32.const 256)) (local.set $k (i64.load (i32.const 256)))".to_owned()
        ),
        (0..3_u32).prop_map(|pages| format!("(drop (memory.grow (i32.const {pages})))")),
    ]
}

fn word() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(|value| format!("(i32.const {value})")),
        Just("(local.get $x)".to_owned()),
        Just("(local.get $y)".to_owned()),
        Just("(i32.wrap_i64 (local.get $j))".to_owned()),
        Just("(memory.size)".to_owned()),
        Just("(f64.lt (local.get $d) (local.get $e))".to_owned()),
        Just("(i32.trunc_sat_f64_s (local.get $d))".to_owned()),
        Just("(i32x4.extract_lane 2 (local.get $v))".to_owned()),
    ];
    leaf.prop_recursive(2, 8, 2, |inner| {
        let two = prop_oneof![
            Just("i32.add"),
            Just("i32.sub"),
            Just("i32.mul"),
            Just("i32.shr_s"),
            Just("i32.rotl"),
            Just("i32.lt_u"),
        ];
        (two, inner.clone(), inner)
            .prop_map(|(name, left, right)| format!("({name} {left} {right})"))
    })
    .boxed()
}

fn long() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|value| format!("(i64.const {value})")),
        Just("(local.get $j)".to_owned()),
        Just("(local.get $k)".to_owned()),
        Just("(i64.reinterpret_f64 (local.get $d))".to_owned()),
        Just("(i64.extend_i32_s (local.get $x))".to_owned()),
        Just("(i64.popcnt (local.get $j))".to_owned()),
        address().prop_map(|at| format!("(i64.load {at})")),
    ];
    leaf.prop_recursive(2, 8, 2, |inner| {
        let two = prop_oneof![
            Just("i64.add"),
            Just("i64.mul"),
            Just("i64.xor"),
            Just("i64.rotr"),
            Just("i64.shr_u"),
        ];
        prop_oneof![
            (two, inner.clone(), inner.clone())
                .prop_map(|(name, left, right)| format!("({name} {left} {right})")),
            (inner.clone(), inner).prop_map(|(left, right)| {
                format!("(i64.rem_u {left} (i64.or {right} (i64.const 1)))")
            }),
        ]
    })
    .boxed()
}

fn float() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("(f64.const nan)".to_owned()),
        Just("(f64.const -inf)".to_owned()),
        Just("(f64.const -0x0p+0)".to_owned()),
        any::<i64>().prop_map(|value| format!("(f64.convert_i64_s (i64.const {value}))")),
        Just("(local.get $d)".to_owned()),
        Just("(local.get $e)".to_owned()),
        Just("(f64.promote_f32 (local.get $s))".to_owned()),
        Just("(f64.reinterpret_i64 (local.get $j))".to_owned()),
        Just("(f64x2.extract_lane 1 (local.get $v))".to_owned()),
    ];
    leaf.prop_recursive(2, 8, 2, |inner| {
        let two = prop_oneof![
            Just("f64.add"),
            Just("f64.mul"),
            Just("f64.div"),
            Just("f64.min"),
            Just("f64.copysign"),
        ];
        prop_oneof![
            (two, inner.clone(), inner.clone())
                .prop_map(|(name, left, right)| format!("({name} {left} {right})")),
            inner.prop_map(|value| format!("(f64.sqrt {value})")),
        ]
    })
    .boxed()
}

fn vector() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("f64x2.add"),
        Just("f64x2.div"),
        Just("f32x4.mul"),
        Just("i32x4.add"),
        Just("v128.xor"),
    ]
}
