;; Waits for nothing at all.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $poll (i32.const 0) (i32.const 0) (i32.const 256))
  (call $ok @‹{}›))
