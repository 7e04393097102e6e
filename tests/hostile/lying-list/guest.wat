;; Sends a request with two thousand million headers.
(func $fetch_headers (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $fetch @‹GET› @‹grant://rates/› (i32.const 512) (i32.const 2147483647)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
  (call $ok @‹{}›))
