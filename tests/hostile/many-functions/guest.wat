;; Half a million functions.
(component
  (core module
    «(func)×500000»))
