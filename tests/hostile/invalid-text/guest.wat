;; Logs bytes that are no UTF-8.
(func $log_bytes (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (i32.store (i32.const 512) (i32.const -1))
  (call $log (i32.const 1) (i32.const 512) (i32.const 4))
  (call $ok @‹{}›))
