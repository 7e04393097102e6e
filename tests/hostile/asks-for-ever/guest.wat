;; Asks its source again and again, and takes two places of the pool all the while.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (loop $more
    (call $ask @‹rate› @‹{}› (i32.const 256))
    (br $more))
  (unreachable))
