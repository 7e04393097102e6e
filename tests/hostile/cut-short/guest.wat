;; A component whose first section says that four gigabytes follow.
(component binary "\00asm\0d\00\01\00" "\01\ff\ff\ff\ff\0f")
