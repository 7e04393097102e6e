;; A component of a hundred megabytes.
(component (@custom "ballast" "«x×104857600»"))
