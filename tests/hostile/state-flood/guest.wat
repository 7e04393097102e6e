;; Writes more than it may.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (loop $more
    (call $state_set @‹key› (i32.const 0) (i32.const 60000))
    (br $more))
  (unreachable))
