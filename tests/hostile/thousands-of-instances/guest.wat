;; Instantiates one module ten thousand times.
(component
  (core module $m)
  «(core instance (instantiate $m))×10000»)
