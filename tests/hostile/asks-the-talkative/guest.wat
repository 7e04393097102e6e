;; Asks a source that prints a quarter of a million lines each time, and asks again.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (local $asked i32)
  (loop $more
    (call $ask @‹talkative› @‹{}› (i32.const 256))
    (local.set $asked (i32.add (local.get $asked) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $asked) (i32.const 4))))
  (call $ok @‹{}›))
