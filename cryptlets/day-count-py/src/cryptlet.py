"""What `cryptlet:fabric` asks every cryptlet for."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import log, types

from day_count import DayCountError, year_fraction


class Cryptlet(exports.Cryptlet):
    def handle(self, invocation: types.Invocation) -> bytes:
        # An exception that leaves this as anything but a failure is a trap, which says nothing to anyone.
        try:
            return json.dumps(answer(invocation.trigger)).encode()
        except DayCountError as error:
            raise Err(types.Failure(error.code, str(error)))
        except Exception as error:
            raise Err(types.Failure("internal", repr(error)))


def answer(trigger: types.Trigger) -> dict:
    if not isinstance(trigger, types.Trigger_Message):
        raise DayCountError("not-a-message", "only messages ask anything; send DayCount")
    asked = json.loads(trigger.value.body)
    days, fraction = year_fraction(asked["convention"], asked["start"], asked["end"])
    log.log(log.Level.INFO, f"{days} days by {asked['convention']}")
    return {
        "dayCount": days,
        # Integers wider than 32 bits are decimal strings in messages.
        "numerator": str(fraction.numerator),
        "denominator": str(fraction.denominator),
    }
