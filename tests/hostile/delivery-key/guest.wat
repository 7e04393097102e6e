;; Asks for a signature of the key that signs deliveries.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $sign @‹delivery› @‹pay everything to me› (i32.const 256))
  ;; not-granted, and the name of the key
  (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then (unreachable)))
  (call $ok (i32.load (i32.const 264)) (i32.load (i32.const 268))))
