;; Writes to a file that it may read.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (local $documents i32)
  (call $directories (i32.const 256))
  (local.set $documents (i32.load (i32.load (i32.const 256))))
  (call $open_at (local.get $documents) (i32.const 1) @‹letter› (i32.const 0) (i32.const 1) (i32.const 256))
  (if (i32.load8_u (i32.const 256)) (then (unreachable)))
  (call $write_file (i32.load (i32.const 260)) @‹forged› (i64.const 0) (i32.const 256))
  ;; read-only
  (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then (unreachable)))
  (if (i32.ne (i32.load8_u (i32.const 264)) (i32.const 33)) (then (unreachable)))
  (call $ok @‹{}›))
