;; Traps within functions whose names have a hundred thousand letters.
(func $«n×99000» (unreachable))
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (call $«n×99000»)
  (call $ok @‹{}›))
