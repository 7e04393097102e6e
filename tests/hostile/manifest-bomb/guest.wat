;; Ten thousand manifests.
(component
  «(@custom "cryptlet:manifest" "x")×2000»)
