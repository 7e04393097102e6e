;; Reads sixteen megabytes of fresh memory for what the guest before left there. The honest cryptlet
;; fills its own with letters.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (local $at i32)
  (drop (memory.grow (i32.const 254)))
  (local.set $at (i32.const 131072))
  (loop $look
    (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (unreachable)))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $look (i32.lt_u (local.get $at) (i32.const 16777216))))
  (call $ok @‹{"left":0}›))
