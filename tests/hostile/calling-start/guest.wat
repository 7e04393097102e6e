;; Writes to its state before it is put together.
(func $start (call $state_set @‹key› @‹value›))
(start $start)
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $ok @‹{}›))
