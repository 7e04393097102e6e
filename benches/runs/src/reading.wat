;; Reads one entry of the state as often as CALLS says. The answers all go to the same place, as a
;; guest frees one before it asks for the next.
(module
  (import "cryptlet:fabric/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 8192))
  (data (i32.const 16) "position")
  (data (i32.const 128) "{\"count\":1}")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const CALLS))
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $left)))
        (global.set $free (i32.const 16384))
        (call $get (i32.const 16) (i32.const 8) (i32.const 256))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $again)))
    (i32.store8 (i32.const 2048) (i32.const 0))
    (i32.store (i32.const 2052) (i32.const 128))
    (i32.store (i32.const 2056) (i32.const 11))
    (i32.const 2048)))
