;; Tries to end the process that it runs in.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $exit (i32.const 0))
  (call $ok @‹{}›))
