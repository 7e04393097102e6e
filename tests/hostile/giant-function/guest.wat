;; One function of ten megabytes.
(component
  (core module
    (func
      «(drop (i64.const -9223372036854775808))×800000»)))
