;; A manifest that is no text.
(component (@custom "cryptlet:manifest" "\ff\fe"))
