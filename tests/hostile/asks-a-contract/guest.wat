;; Names another contract cryptlet as its source, which could ask it in turn.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $ask @‹other› @‹{}› (i32.const 256))
  (call $ok @‹{}›))
