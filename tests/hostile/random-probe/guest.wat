;; Looks for the randomness of the machine. What it gets follows from the seed that was accepted: the
;; same in every run of these tests, on every machine.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (local $n i32) (local $digit i32)
  (call $random (i64.const 8) (i32.const 256))
  (loop $digits
    (local.set $digit (i32.load8_u (i32.add (i32.load (i32.const 256)) (i32.shr_u (local.get $n) (i32.const 1)))))
    (if (i32.eqz (i32.and (local.get $n) (i32.const 1)))
      (then (local.set $digit (i32.shr_u (local.get $digit) (i32.const 4)))))
    (local.set $digit (i32.and (local.get $digit) (i32.const 15)))
    (i32.store8 (i32.add (i32.const 513) (local.get $n))
      (i32.add (local.get $digit)
        (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $digit) (i32.const 10)))))
    (br_if $digits (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 16))))
  (i32.store8 (i32.const 512) (i32.const 34))
  (i32.store8 (i32.const 529) (i32.const 34))
  (call $ok (i32.const 512) (i32.const 18)))
