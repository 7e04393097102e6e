"""The command line: `python3 -m cryptlet_receipts verify FILE --trust KEY`."""

import argparse
import json
import sys
from pathlib import Path

from . import bundle, log_export, vectors, verdict
from .bundle import Expectations, verify_bundle
from .doubt import Doubt
from .log_export import verify_log
from .note import COSIGNATURE, LOG_SIGNATURE, Key
from .receipt import verify_receipt


def main() -> int:
    """0 if everything holds, 1 if something is doubted, 2 if the command is not understood."""
    options = _options().parse_args()
    return options.run(options)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cryptlet_receipts", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    verify = commands.add_parser("verify", help="verify a receipt, a bundle or a log export")
    verify.add_argument("file", type=Path)
    verify.add_argument(
        "--trust", type=_log_key, action="append", default=[], metavar="KEY", help="name+id+key"
    )
    verify.add_argument("--witness", type=_witness_key, action="append", default=[], metavar="KEY")
    verify.add_argument("--cosigners", type=int, default=0, metavar="N")
    verify.add_argument("--measurement", type=bytes.fromhex, metavar="HEX")
    verify.add_argument("--since", type=Path, metavar="CHECKPOINT")
    verify.set_defaults(run=_verify)

    check = commands.add_parser("vectors", help="check the specification's vectors")
    check.add_argument("folder", type=Path)
    check.set_defaults(run=_vectors)
    return parser


def _log_key(text: str) -> Key:
    return Key.parse(text, LOG_SIGNATURE)


def _witness_key(text: str) -> Key:
    return Key.parse(text, COSIGNATURE)


def _verify(options: argparse.Namespace) -> int:
    try:
        found = _verdict(options.file.read_bytes(), options)
    except Doubt as doubt:
        found = verdict.of_doubt(doubt)
    print(json.dumps(found, indent=2))
    return 0 if found["verified"] else 1


def _verdict(data: bytes, options: argparse.Namespace) -> verdict.Verdict:
    """The tag in the first five bytes says what a document is."""
    since = options.since.read_text() if options.since else None
    tag = int.from_bytes(data[1:5], "big")
    if tag == bundle.TAG:
        expected = Expectations(
            options.trust, options.witness, options.cosigners, options.measurement, since
        )
        return verdict.of_bundle(verify_bundle(data, expected))
    if tag == log_export.TAG:
        return verdict.of_log(verify_log(data, options.trust, since))
    return verdict.of_receipt(verify_receipt(data, options.trust, options.measurement))


def _vectors(options: argparse.Namespace) -> int:
    count, failures = vectors.check_folder(options.folder)
    for failure in failures:
        print(failure, file=sys.stderr)
    if failures or count == 0:
        print(f"{len(failures)} of {count} checks failed", file=sys.stderr)
        return 1
    print(f"{count} checks of the vectors hold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
