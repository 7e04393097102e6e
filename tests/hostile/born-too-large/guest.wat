;; Wants four gigabytes of memory to begin with.
(memory (export "memory") 65536)
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $ok @‹{}›))
