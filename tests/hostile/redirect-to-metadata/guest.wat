;; Follows a redirect of an allowed host to the metadata service of the cloud.
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
  (local $header i32)
  (call $fetch @‹GET› @‹grant://rates/moved› (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
  ;; An answer with one header, whose value is where to go.
  (if (i32.load8_u (i32.const 256)) (then (unreachable)))
  (local.set $header (i32.load (i32.const 268)))
  (call $fetch @‹GET› (i32.load offset=8 (local.get $header)) (i32.load offset=12 (local.get $header))
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
  (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then (unreachable)))
  (if (i32.load8_u (i32.const 264)) (then (unreachable)))
  (call $failed @‹denied› (i32.load (i32.const 272)) (i32.load (i32.const 276))))
