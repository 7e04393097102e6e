"""Verifies receipts, bundles and logs of the Cryptlet Fabric.

Written from the documents in `docs/spec` alone; shares no code with the fabric. `encoding` reads CBOR,
`shape` and `entries` say what the documents hold, `note` and `tree` are the log, and `receipt`,
`bundle` and `log_export` each verify one kind of document.
"""
