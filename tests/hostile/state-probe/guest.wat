;; Looks in its own state for entries of other bindings. The honest cryptlet of binding 0xb0 has one
;; under `answer`.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $state_get @‹answer› (i32.const 256))
  (if (i32.load8_u (i32.const 256)) (then (unreachable)))
  (call $state_get @‹0xb0/answer› (i32.const 256))
  (if (i32.load8_u (i32.const 256)) (then (unreachable)))
  (call $state_get @‹../0xb0/answer› (i32.const 256))
  (if (i32.load8_u (i32.const 256)) (then (unreachable)))
  (call $state_keys @‹› (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 256))
  (if (i32.load (i32.const 260)) (then (unreachable)))
  (call $ok @‹{"entries":0}›))
