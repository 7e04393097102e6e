;; Takes one page after the other; a refusal does not stop it.
(module
  (memory (export "memory") 2)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 4096))
  (func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param i32) (result i32)
    (loop $more
      (drop (memory.grow (i32.const 1)))
      (br $more))
    (unreachable)))
