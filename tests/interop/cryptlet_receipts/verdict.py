"""What is printed about a document: JSON, with bytes in hexadecimal digits."""

from typing import Any

from .bundle import VerifiedBundle
from .doubt import Doubt
from .entries import Entry
from .log_export import VerifiedLog
from .receipt import VerifiedReceipt

Verdict = dict[str, Any]


def of_doubt(doubt: Doubt) -> Verdict:
    return {"verified": False, "doubt": doubt.name, "detail": doubt.detail}


def of_receipt(receipt: VerifiedReceipt) -> Verdict:
    return {
        "verified": True,
        "index": receipt.index,
        "size": receipt.checkpoint.size,
        "root": receipt.checkpoint.root.hex(),
        **_of_run(receipt.entry),
    }


def of_log(log: VerifiedLog) -> Verdict:
    checkpoint = log.checkpoint
    return {
        "verified": True,
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
    }


def of_bundle(bundle: VerifiedBundle) -> Verdict:
    """With what each claim of docs/spec/bundle.md comes to in this file."""
    run = bundle.run.execution
    return {
        "verified": True,
        "index": bundle.run.index,
        "size": bundle.checkpoint.size,
        "root": bundle.checkpoint.root.hex(),
        **_of_run(bundle.run.entry),
        "claims": {
            "module": _shown_if(run["measurement"] in bundle.modules, "its bytes are in the file"),
            "version": _shown_if(_has(bundle, "version"), "its deployment is in the log"),
            "input": _opened(bundle, "input"),
            "output": _opened(bundle, "reply"),
            "cost": f"{run['fuel']} fuel; the host's word",
            "order": _shown_if(_has(bundle, "accepted"), "it was accepted before it ran"),
            "log": f"entry {bundle.run.index} of {bundle.checkpoint.origin}, "
            f"cosigned by {len(bundle.cosigned)} trusted witnesses",
            "host": "the host's word",
            "chain": "the host's word",
            "source": f"{len(bundle.sources)} sources; the host's word",
        },
    }


def _of_run(entry: Entry) -> Verdict:
    return {
        "leaf_hash": entry.leaf.hex(),
        "execution_hash": entry.execution_hash.hex() if entry.execution_hash else None,
        "measurement": entry.execution["measurement"].hex(),
    }


def _has(bundle: VerifiedBundle, kind: str) -> bool:
    return any(one.entry.kind == kind for one in bundle.context)


def _opened(bundle: VerifiedBundle, field: str) -> str:
    return "opened" if (0, field) in bundle.opened else "withheld"


def _shown_if(shown: bool, what: str) -> str:
    return what if shown else "not shown"
