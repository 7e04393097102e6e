;; Has the host put an answer beyond the end of its memory.
(module
  (import "cryptlet:fabric/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "key")
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    ;; The length of the answer; no text of the invocation has it.
    (if (result i32) (i32.eq (local.get $size) (i32.const 5))
      (then (i32.const -8))
      (else (i32.const 8192))))
  (func $take_value (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param i32) (result i32)
    (call $get (i32.const 16) (i32.const 3) (i32.const 1024))
    (unreachable)))
