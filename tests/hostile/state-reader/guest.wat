;; Writes one long entry and reads it four thousand times, so that its transcript fills the host.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $state_set @‹key› (i32.const 0) (i32.const 60000))
  (loop $more
    (global.set $free (i32.const 65536))
    (call $state_get @‹key› (i32.const 256))
    (br $more))
  (unreachable))
