;; Fails with a code of sixty kilobytes, which its receipt would have to name.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (memory.fill (i32.const 8192) (i32.const 97) (i32.const 60000))
  (call $failed (i32.const 8192) (i32.const 60000) @‹no›))
