;; Asks an allowed name that leads to the inside of the network.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $fetch @‹GET› @‹grant://rates/› (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
  (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then (unreachable)))
  (if (i32.load8_u (i32.const 264)) (then (unreachable)))
  (call $failed @‹denied› (i32.load (i32.const 272)) (i32.load (i32.const 276))))
