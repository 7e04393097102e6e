;; A core module that calls itself a cryptlet.
(component binary "\00asm\01\00\00\00")
