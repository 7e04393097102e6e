;; A hundred thousand custom sections.
(component
  «(@custom "ballast" "x")×100000»)
