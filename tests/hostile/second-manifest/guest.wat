;; Carries two manifests, so that two readers may see different ones.
(component
  (@custom "cryptlet:manifest" "[cryptlet]\nname = \"second-manifest\"\nversion = \"1.0.0\"\nkind = \"contract\"\ndescription = \"Another\"\n"))
