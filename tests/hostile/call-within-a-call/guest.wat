;; Calls its host while the host hands it an answer.
(module
  (import "cryptlet:fabric/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "key")
  (func $call_within (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    ;; The length of the answer; no text of the invocation has it.
    (if (i32.eq (local.get $size) (i32.const 5))
      (then (call $get (i32.const 16) (i32.const 3) (i32.const 2048))))
    (i32.const 8192))
  (func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param i32) (result i32)
    (call $get (i32.const 16) (i32.const 3) (i32.const 1024))
    (unreachable)))
