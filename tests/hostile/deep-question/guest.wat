;; Asks its source thirty thousand lists within one another.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (memory.fill (i32.const 8192) (i32.const 91) (i32.const 30000))
  (call $ask @‹rate› (i32.const 8192) (i32.const 30000) (i32.const 256))
  (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then (unreachable)))
  (call $ok (i32.load (i32.const 264)) (i32.load (i32.const 268))))
