"""Why something was not vouched for."""


class Doubt(Exception):
    """A verdict by its stable name, with a sentence for people."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail
