;; Wants a table of twenty million elements to begin with.
(table 20000000 funcref)
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $ok @‹{}›))
