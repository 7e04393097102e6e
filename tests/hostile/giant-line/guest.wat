;; Logs six megabytes in one line.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (drop (memory.grow (i32.const 100)))
  (call $log (i32.const 1) (i32.const 4096) (i32.const 6000000))
  (unreachable))
