"""Verifies receipts, bundles and logs of the Cryptlet Fabric.

Written from the documents in `docs/spec` alone; shares no code with the fabric. `encoding` reads CBOR,
`shape` and `entries` say what the documents hold, `note` and `tree` are the log, and `receipt`,
`bundle`, `log_export`, `cose` and `proof_file` each verify one kind of document. `tiles` says what a
published log consists of.
"""
