;; GETs the metadata service's address. If the host denies it, fails with the host's own words
;; under the code "denied"; whatever else comes back ends in a trap.
(module
  (import "cryptlet:fabric/http@0.1.0" "fetch"
    (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 8192))
  (data (i32.const 16) "GET")
  (data (i32.const 32) "http://169.254.169.254/latest/meta-data/")
  (data (i32.const 96) "denied")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param i32) (result i32)
    ;; method, url, no headers, no body, where the answer goes
    (call $fetch
      (i32.const 16) (i32.const 3)
      (i32.const 32) (i32.const 40)
      (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 1024))
    ;; result: error
    (if (i32.ne (i32.load8_u (i32.const 1024)) (i32.const 1)) (then (unreachable)))
    ;; http-error: denied
    (if (i32.load8_u (i32.const 1032)) (then (unreachable)))
    (i32.store8 (i32.const 2048) (i32.const 1))
    (i32.store (i32.const 2052) (i32.const 96))
    (i32.store (i32.const 2056) (i32.const 6))
    (i32.store (i32.const 2060) (i32.load (i32.const 1040)))
    (i32.store (i32.const 2064) (i32.load (i32.const 1044)))
    (i32.const 2048)))
