"""What calls to a server cost, and stopping before they cost more than was allowed."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Condition

from mma_eval.errors import MmaEvalError, UsageError

MILLION = 1_000_000


class CostLimitError(MmaEvalError):
    """The next request could cost more than is left."""


@dataclass(frozen=True)
class Usage:
    """Tokens of one call as they are billed."""

    input: int = 0
    output: int = 0
    cached: int = 0
    """Those of `input` that the server had in its cache."""
    sound: int = 0
    """Those of `input` that are sound."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.sound + other.sound,
        )


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens; None for what nobody stated."""

    input: float | None = None
    output: float | None = None
    cached: float | None = None
    """None: what other input costs."""
    sound: float | None = None
    """None: what other input costs."""

    @property
    def known(self) -> bool:
        return self.input is not None and self.output is not None

    def in_a_batch(self) -> Prices:
        """Half of them; cached tokens cost the same there.

        https://ai.google.dev/gemini-api/docs/batch-api, technical details.
        """

        def half(price: float | None) -> float | None:
            return None if price is None else price / 2

        return Prices(half(self.input), half(self.output), self.cached, half(self.sound))

    def cost(self, usage: Usage) -> float | None:
        """US dollars, None where the prices are not known."""
        if self.input is None or self.output is None:
            return None
        cached = self.input if self.cached is None else self.cached
        sound = self.input if self.sound is None else self.sound
        fresh = max(0, usage.input - usage.cached)
        heard = min(usage.sound, fresh)
        parts = (
            (fresh - heard, self.input),
            (heard, sound),
            (min(usage.cached, usage.input), cached),
            (usage.output, self.output),
        )
        return sum(tokens * price for tokens, price in parts) / MILLION


@dataclass(frozen=True)
class Bill:
    """What asking some questions is expected to use; None for what cannot be known before."""

    requests: int
    output: int
    """Tokens, at most."""
    cost: float | None
    """US dollars, at most."""
    input: int | None = None
    """Tokens of text and media."""
    text: int | None = None
    """Tokens of text alone."""
    sent_bytes: int | None = None


class Ledger:
    """Calls, tokens and costs of one process; safe between threads.

    A call reserves the most that it can cost and settles what it did cost. One whose answer never
    came may be billed all the same, so it settles its reservation.
    """

    def __init__(self, prices: Prices, limit: float | None = None) -> None:
        if limit is not None and not prices.known:
            raise UsageError(
                "max_cost needs prices: set --model-args input_price=...,output_price=..."
            )
        self.prices = prices
        self.limit = limit
        self.calls = 0
        self.usage = Usage()
        self._spent = 0.0
        self._reserved = 0.0
        self._open = 0
        self._refusal: str | None = None
        self._changed = Condition()

    @property
    def spent(self) -> float | None:
        """US dollars so far, at most; None without prices."""
        return self._spent if self.prices.known else None

    def reserve(self, most: Usage) -> float:
        """Dollars set aside for a call; waits for other calls where they hold what it needs.

        Raises CostLimitError once a call could exceed the limit, and from then on.
        """
        with self._changed:
            while (held := self._held(most)) is None:
                self._changed.wait()
            return held

    def reserve_now(self, most: Usage) -> float | None:
        """The same without waiting: None where other calls hold what it needs."""
        with self._changed:
            return self._held(most)

    def reserve_asked(self) -> float:
        """Nothing, for a call that another process has made and reserved for."""
        with self._changed:
            self.calls += 1
            self._open += 1
            return 0.0

    def settle(self, reserved: float, usage: Usage | None, *, billed: bool = True) -> None:
        """Give back what a call did not cost; None where the server did not say what it used."""
        cost = 0.0
        if usage is not None:
            cost = self.prices.cost(usage) or 0.0
        elif billed:
            cost = reserved
        with self._changed:
            self._open -= 1
            # Exactly nothing once no call is open, whatever rounding left.
            self._reserved = self._reserved - reserved if self._open else 0.0
            self._spent += cost
            self.usage += usage or Usage()
            self._changed.notify_all()

    def _held(self, most: Usage) -> float | None:
        """Reserve; None while other calls hold what it needs. Raises CostLimitError."""
        cost = self.prices.cost(most) or 0.0
        if self._refusal is None and self._over(cost):
            if self._open:
                return None
            self._refusal = (
                f"not asked: ${self._spent:.4f} are spent, and the next request could cost "
                f"${cost:.4f}, which is more than max_cost={self.limit:g} leaves"
            )
            self._changed.notify_all()
        if self._refusal is not None:
            raise CostLimitError(self._refusal)
        self.calls += 1
        self._reserved += cost
        self._open += 1
        return cost

    def _over(self, cost: float) -> bool:
        if self.limit is None:
            return False
        return self._spent + self._reserved + cost > self.limit
