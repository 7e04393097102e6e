;; Times its host with the clocks of WASI, to learn what else runs on the machine.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (local $n i32)
  (loop $spin
    (br_if $spin (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000000))))
  (call $wall_now (i32.const 256))
  ;; The instant of the invocation, to the millisecond, however long it has run.
  (if (i64.ne (i64.load (i32.const 256)) (i64.const 1136073600)) (then (unreachable)))
  (if (i32.ne (i32.load (i32.const 264)) (i32.const 123000000)) (then (unreachable)))
  (if (i64.ne (call $now) (i64.const 0)) (then (unreachable)))
  (call $ok @‹{"clock":"stands still"}›))
