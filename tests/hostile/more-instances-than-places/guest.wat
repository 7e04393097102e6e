;; Instantiates one module more often than a place of the pool holds.
(component
  (core module $m)
  «(core instance (instantiate $m))×300»)
