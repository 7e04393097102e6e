;; Carries its manifest in a module within, where no auditor looks.
(component
  (core module
    (@custom "cryptlet:manifest" "[cryptlet]\nname = \"hidden-manifest\"\nversion = \"1.0.0\"\nkind = \"contract\"\ndescription = \"x\"\n")))
