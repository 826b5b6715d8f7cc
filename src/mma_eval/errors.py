"""The tree of errors that the command line turns into one sentence and an exit code."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class MmaEvalError(Exception):
    """Something went wrong that the user can read about in one sentence."""

    exit_code = 1


class UsageError(MmaEvalError):
    """The request itself is wrong: an unknown name, a bad value, a malformed file."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not known, with the nearest one that is."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: str = "") -> None:
        self.kind, self.name, self.known = kind, name, sorted(set(known))
        super().__init__(f"{where}unknown {kind} '{name}'{suggestion(name, self.known)}")


class FileError(UsageError):
    """A file that the user wrote is wrong, at a line where one is known."""

    def __init__(self, path: Path | str, problem: str, *, line: int | None = None) -> None:
        self.path, self.line, self.problem = Path(path), line, problem
        super().__init__(f"{place(path, line)}: {problem}")


class TaskFileError(FileError):
    """A task YAML or its template is wrong."""


class ManifestError(FileError):
    """A dataset manifest is wrong."""


class CardError(FileError):
    """A model card is wrong."""


class RecipeError(FileError):
    """A tuning recipe is wrong."""


class PrerequisiteError(UsageError):
    """Something the user has to install, download or allow first."""


class MediaError(MmaEvalError):
    """A media file cannot be read as what it is said to be."""


class ModelError(MmaEvalError):
    """A model cannot be loaded, or its backend broke."""


class ModalityMissingError(MmaEvalError):
    """A stream that is present in the sample did not reach the model."""


class StoreError(MmaEvalError):
    """Answers or results cannot be written or read back."""


class StoppedError(MmaEvalError):
    """The user stopped the work; nothing that was answered is lost."""


def place(path: Path | str, line: int | None) -> str:
    return f"{path}:{line}" if line is not None else str(path)


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or the list of what is known when it is short."""
    names = sorted(known)
    folded = {other.casefold(): other for other in names}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    if near:
        return f"; did you mean '{folded[near[0]]}'?"
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"; known: {shown}"
