"""What every model behind a server has in common: its arguments, its accounts, its secrets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, ClassVar

from pydantic import Field

from mma_eval.models.base import Model, ModelArguments
from mma_eval.models.card import ModelCard
from mma_eval.models.remote.calls import Patience
from mma_eval.models.remote.cost import Ledger, Prices
from mma_eval.models.remote.crew import Crew, Service
from mma_eval.models.remote.secrets import Secrets
from mma_eval.types import Answer, Group


class RemoteArguments(ModelArguments):
    """What `--model-args` may set for any model behind a server."""

    answer_timeout: float | None = Field(default=180.0, gt=0)
    """Seconds that one request may take."""
    max_in_flight: int = Field(default=8, ge=1, le=256)
    """The most requests at once to one server; it gets fewer while it is busy."""
    retries: int = Field(default=5, ge=0)
    """Repetitions of a request after errors of the server."""
    busy_for: float = Field(default=900.0, ge=0)
    """Seconds that a server may stay busy for one request."""
    longest_delay: float = Field(default=300.0, ge=0)
    """Seconds that a server may ask to wait; one that asks for more is not waited for."""
    first_wait: float = Field(default=1.0, gt=0)
    """Seconds at most before the first repetition; doubled for each further one."""
    input_price: float | None = Field(default=None, ge=0)
    """US dollars for a million tokens, here and below."""
    output_price: float | None = Field(default=None, ge=0)
    cached_price: float | None = Field(default=None, ge=0)
    sound_price: float | None = Field(default=None, ge=0)
    max_cost: float | None = Field(default=None, gt=0)
    """US dollars after which no more is asked."""

    @property
    def prices(self) -> Prices:
        return Prices(self.input_price, self.output_price, self.cached_price, self.sound_price)

    @property
    def patience(self) -> Patience:
        return Patience(
            retries=self.retries,
            busy_for=self.busy_for,
            longest_delay=self.longest_delay,
            first_wait=self.first_wait,
        )


class RemoteModel(Model):
    """A backend that asks servers: write `services`."""

    Arguments: ClassVar[type[ModelArguments]] = RemoteArguments

    def __init__(self, card: ModelCard, arguments: ModelArguments) -> None:
        super().__init__(card, arguments)
        assert isinstance(arguments, RemoteArguments)
        self.remote = arguments
        self.ledger = Ledger(arguments.prices, arguments.max_cost)

    @abstractmethod
    def services(self) -> Sequence[Service[Any]]:
        """The servers to ask; raises PrerequisiteError where a key is missing."""

    @abstractmethod
    def secrets(self) -> Secrets:
        """What must not be seen in any answer or error."""

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        source = iter(groups)
        first = next(source, None)
        if first is None:
            return
        crew = Crew(
            self.services(),
            self.ledger,
            self.secrets(),
            patience=self.remote.patience,
            most_in_flight=self.remote.max_in_flight,
        )
        yield from crew.answer(chain((first,), source))

    def describe(self) -> dict[str, str | int | float | bool | None]:
        """Calls and tokens of this process, and what they cost at most."""
        used, spent = self.ledger.usage, self.ledger.spent
        return {
            "requests": self.ledger.calls,
            "input_tokens": used.input,
            "cached_input_tokens": used.cached,
            "output_tokens": used.output,
            "cost_usd": None if spent is None else round(spent, 6),
            "max_in_flight": self.remote.max_in_flight,
        }
