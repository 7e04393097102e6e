;; Climbs out of the folder that its grant names.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $fetch @‹GET› @‹grant://rates/../secret› (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
  (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then (unreachable)))
  (if (i32.ne (i32.load8_u (i32.const 264)) (i32.const 6)) (then (unreachable)))
  (call $failed @‹invalid› (i32.load (i32.const 272)) (i32.load (i32.const 276))))
