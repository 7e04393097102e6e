;; Asks a source though its manifest allows a chain of one.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $ask @‹rate› @‹{}› (i32.const 256))
  (call $ok @‹{}›))
