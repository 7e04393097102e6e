;; Ninety components, each within the one before.
(component «(component ×90»«)×90»)
