;; Exports a function of the right name that answers with a number.
(component
  (core module $m (func (export "handle") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $handle (result u32) (canon lift (core func $i "handle")))
  (instance $cryptlet (export "handle" (func $handle)))
  (export "cryptlet:fabric/cryptlet@0.1.0" (instance $cryptlet)))
