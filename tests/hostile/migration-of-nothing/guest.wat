;; Would migrate state that it may not have.
(func (export "cryptlet:fabric/migration@0.1.0#migrate") (param $from i32) (result i32)
  (call $migrated))
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $ok @‹{}›))
