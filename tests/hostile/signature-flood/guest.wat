;; Has four thousand long messages signed.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (loop $more
    (global.set $free (i32.const 65536))
    (call $sign @‹desk› (i32.const 0) (i32.const 60000) (i32.const 256))
    (br $more))
  (unreachable))
