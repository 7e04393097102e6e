;; Looks for what its host was started with.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $arguments (i32.const 256))
  (if (i32.load (i32.const 260)) (then (unreachable)))
  (call $ok @‹{"arguments":0}›))
