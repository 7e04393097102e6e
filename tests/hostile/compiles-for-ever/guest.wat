;; Has functions that a compiler works on for minutes.
(component
  (core module
    (global (mut i32) (i32.const 0))
    (func (result i32)
      «(global.set 0 (call 0))×240000»
      (i32.const 0))
    (func (result i32)
      «(global.set 0 (call 0))×240000»
      (i32.const 0))
    (func (result i32)
      «(global.set 0 (call 0))×240000»
      (i32.const 0))
    (func (result i32)
      «(global.set 0 (call 0))×240000»
      (i32.const 0))
    (func (result i32)
      «(global.set 0 (call 0))×240000»
      (i32.const 0))
    (func (result i32)
      «(global.set 0 (call 0))×240000»
      (i32.const 0))))
