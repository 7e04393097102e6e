;; Fills sixteen megabytes with one instruction, again and again.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (drop (memory.grow (i32.const 254)))
  (loop $more
    (memory.fill (i32.const 65536) (i32.const 1) (i32.const 16711680))
    (br $more))
  (unreachable))
