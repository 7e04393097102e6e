;; Answers the same always: what is measured is the host's own work.
(module
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 8192))
  (data (i32.const 128) "{\"count\":1}")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param i32) (result i32)
    (i32.store8 (i32.const 2048) (i32.const 0))
    (i32.store (i32.const 2052) (i32.const 128))
    (i32.store (i32.const 2056) (i32.const 11))
    (i32.const 2048)))
