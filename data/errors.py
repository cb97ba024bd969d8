"""The one family of errors that Lanewise shows to a person."""


class LanewiseError(Exception):
    """Something a person can put right: what was wrong, where, and what to do.

    Parameters
    ----------
    message
        What was wrong, in a sentence that names the value or thing.
    where
        File, table, column, row or setting in which it was found; empty if the message already says so.
    hint
        What to do about it; empty if nothing beyond the message helps.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message, where, hint)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        if not self.hint:
            return text
        closed = text if text.endswith((".", "!", "?")) else text + "."
        return f"{closed} {self.hint}"
