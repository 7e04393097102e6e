;; Calls itself until the stack ends, while the host hands it an answer.
(module
  (import "cryptlet:fabric/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "key")
  (func $down (param i64) (result i64)
    (i64.add (call $down (i64.add (local.get 0) (i64.const 1))) (local.get 0)))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    ;; The length of the answer; no text of the invocation has it.
    (if (i32.eq (local.get $size) (i32.const 5))
      (then (drop (call $down (i64.const 0)))))
    (i32.const 8192))
  (func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param i32) (result i32)
    (call $get (i32.const 16) (i32.const 3) (i32.const 1024))
    (unreachable)))
