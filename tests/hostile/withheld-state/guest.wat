;; Uses state that its binding does not give, past the check that would have refused it.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $state_set @‹key› @‹value›)
  (call $ok @‹{}›))
