;; Drops a draft twice.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $build @‹settle› @‹{}› (i32.const 256))
  (call $draft_drop (i32.load (i32.const 260)))
  (call $draft_drop (i32.load (i32.const 260)))
  (call $ok @‹{}›))
