;; Imports the sockets of WASI.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $connect)
  (call $ok @‹{}›))
