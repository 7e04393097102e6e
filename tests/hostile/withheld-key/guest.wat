;; Asks for a key that its binding does not give.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $sign @‹treasury› @‹text› (i32.const 256))
  (call $ok @‹{}›))
