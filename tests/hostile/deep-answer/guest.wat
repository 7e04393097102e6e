;; Answers with thirty thousand lists within one another.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (memory.fill (i32.const 8192) (i32.const 91) (i32.const 30000))
  (call $ok (i32.const 8192) (i32.const 30000)))
