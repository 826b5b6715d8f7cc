"""From shares to places on a drawing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Shares of 0 to 1 along `left` to `right`, in px; what lies outside is held at the ends."""

    left: float
    right: float

    def __call__(self, share: float) -> float:
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    def ticks(self) -> tuple[float, ...]:
        """Shares to mark: quarters where their labels have room, else halves."""
        return (0.0, 0.25, 0.5, 0.75, 1.0) if self.right - self.left >= 220 else (0.0, 0.5, 1.0)


def percent(share: float) -> str:
    """One decimal, and none for 0 and 100."""
    return f"{100 * share:.0f}" if share in (0, 1) else f"{100 * share:.1f}"
