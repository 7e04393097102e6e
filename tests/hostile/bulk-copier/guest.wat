;; Copies eight megabytes with one instruction, again and again.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (drop (memory.grow (i32.const 254)))
  (loop $more
    (memory.copy (i32.const 65536) (i32.const 8388608) (i32.const 8323072))
    (br $more))
  (unreachable))
