;; Answers, and traps while it clears up.
(func (export "cabi_post_cryptlet:fabric/cryptlet@0.1.0#handle") (param i32) (unreachable))
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $ok @‹{}›))
