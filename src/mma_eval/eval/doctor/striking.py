"""What a record of a machine must not say: keys, folders, addresses, the names of user and host."""

from __future__ import annotations

import getpass
import os
import platform
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from mma_eval.models.base import Model
from mma_eval.models.remote.backend import RemoteModel
from mma_eval.models.remote.secrets import STRUCK_OUT, Secrets
from mma_eval.paths import cache_folder, user_data_folder

FOLDER, ADDRESS, SOMEBODY = "[path]", "[address]", "[name]"
SHORTEST_KEY = 8
SHORTEST_NAME = 3

_KEY_NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)$", re.I)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>\])]+", re.I)
_HOST_AND_PORT = re.compile(
    r"(?:\b(?:localhost|[\w-]+(?:\.[\w-]+)+)|\[[0-9a-f:]+\]):\d{2,5}\b", re.I
)
_BELOW = r"(?:[/\\][^\s'\",;()\[\]]*)?"
_ABSOLUTE_PATH = re.compile(
    r"(?<![\w.)\]/\\])(?:~|[A-Za-z]:)?[/\\][^\s'\",;()\[\]]*[^\s'\",;:.()\[\]]"
)


class Striking:
    """Replaces what must not be told of this machine, for one model; shows none of it itself."""

    def __init__(self, model: Model) -> None:
        own = model.secrets() if isinstance(model, RemoteModel) else Secrets()
        given = dict(model.arguments.model_dump(mode="json"))
        keys = (str(value) for name, value in given.items() if value and _KEY_NAMES.search(name))
        self._secrets = (own, Secrets([*_keys_of_the_environment(), *keys]))
        self._values = frozenset(_paths_among_arguments(model))
        self._folders = _any_of({*_folders(), *filter(_has_parts, self._values)}, _BELOW)
        self._names = _any_of(_names(), "")

    def from_content(self, text: str) -> str:
        """Text that a model or a dataset wrote: only keys and this machine's folders go."""
        return self._folders.sub(FOLDER, self._without_keys(text))

    def from_report(self, text: str) -> str:
        """Text that software wrote of itself: every path, address and name goes too."""
        if text in self._values:
            return FOLDER
        text = self._without_keys(text)
        text = _URL.sub(ADDRESS, text)
        text = _HOST_AND_PORT.sub(ADDRESS, text)
        text = _ABSOLUTE_PATH.sub(FOLDER, self._folders.sub(FOLDER, text))
        return self._names.sub(SOMEBODY, text)

    def argument(self, name: str, value: object) -> str:
        """The value of a backend's argument; one that is named like a key goes whole."""
        return STRUCK_OUT if _KEY_NAMES.search(name) else self.from_report(str(value))

    def described(
        self, name: str, value: str | int | float | bool | None
    ) -> str | int | float | bool | None:
        """One fact that a backend tells of itself."""
        if not isinstance(value, str):
            return value
        return self.from_content(value) if name == "system_prompt" else self.from_report(value)

    def _without_keys(self, text: str) -> str:
        # What a model writes may hold halves of characters, which no file can.
        text = text.encode("utf-8", "replace").decode("utf-8")
        for secrets in self._secrets:
            text = secrets.struck_from(text)
        return text


def _any_of(words: Iterable[str], rest: str) -> re.Pattern[str]:
    """Any of `words` that stands by itself, with `rest` behind it; nothing where there are none."""
    listed = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?:{listed})(?![\w-]){rest}" if listed else r"(?!)")


def _has_parts(path: str) -> bool:
    return "/" in path or "\\" in path


def _keys_of_the_environment() -> Iterator[str]:
    """Values of variables that are named like keys, for any other server or hub."""
    for name, value in os.environ.items():
        value = value.strip()
        if _KEY_NAMES.search(name) and len(value) >= SHORTEST_KEY and value != STRUCK_OUT:
            yield value


def _folders() -> Iterator[str]:
    places = [Path.home(), Path.cwd(), cache_folder(), Path(tempfile.gettempdir())]
    data = user_data_folder()
    for place in (*places, *([] if data is None else [data])):
        for form in (place, place.absolute(), place.resolve()):
            # The root of a file system is in every path, and a word such as `data` in any text.
            if form.is_absolute() and len(form.parts) > 1:
                yield str(form)


def _paths_among_arguments(model: Model) -> Iterator[str]:
    """Weights and adapters in folders of one's own, relative paths too."""
    for value in model.arguments.model_dump().values():
        if isinstance(value, Path):
            yield str(value)
        elif isinstance(value, str) and _has_parts(value) and Path(value).expanduser().exists():
            yield value


def _names() -> set[str]:
    """Of the user and the host."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = ""
    host = platform.node()
    return {name for name in (user, host, host.partition(".")[0]) if len(name) >= SHORTEST_NAME}
