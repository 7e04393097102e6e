;; Submits a draft that it never built.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (drop (call $submit (i32.const 77)))
  (call $ok @‹{}›))
