;; Replies with bytes beyond the end of its memory.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $ok (i32.const 131000) (i32.const 1000)))
