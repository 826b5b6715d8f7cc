"""What is wrong with a model, named from its runs alone.

The order is one of exclusion: answers that do not depend on the clip come first, since they feign
every other fault; a missing sense comes before dominance, which it feigns under conflict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mma_eval.eval.analysis.answer_habits import check_abstaining, check_favourite, check_random
from mma_eval.eval.analysis.conditions import STREAMS, ConditionedTask, conditioned_tasks
from mma_eval.eval.analysis.findings import SECONDARY, Fault, Finding, Verdict
from mma_eval.eval.analysis.senses import (
    ONLY,
    check_captions,
    check_declining,
    check_dominance,
    check_leak,
    check_only,
)
from mma_eval.eval.scorecard import RunScores
from mma_eval.eval.scored import ScoredSample


@dataclass(frozen=True)
class Diagnosis:
    """`primary` is the first fault found, `NONE`, or `UNDECIDED`."""

    primary: Fault
    checks: tuple[Finding, ...]
    """Every fault that was looked for, in the order of exclusion."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The faults that were found, in the order of exclusion."""
        return self._of(Verdict.FOUND)

    @property
    def open(self) -> tuple[Finding, ...]:
        """Looked for, but the intervals decide neither way: more clips would."""
        return self._of(Verdict.OPEN)

    @property
    def untested(self) -> tuple[Finding, ...]:
        """Faults that nothing in these runs could show; each says which tasks would."""
        return self._of(Verdict.UNTESTED)

    def _of(self, verdict: Verdict) -> tuple[Finding, ...]:
        return tuple(check for check in self.checks if check.verdict is verdict)


def diagnose(scores: RunScores, samples_by_task: Mapping[str, Sequence[ScoredSample]]) -> Diagnosis:
    """Name the faults of the model that gave these answers.

    `scores` and `samples_by_task` are of one model in one configuration, over all its tasks.
    """
    tasks = conditioned_tasks(samples_by_task)
    checks = _blanket_checks(tasks)
    if not _is_blanket(checks[-1]):
        checks += _sensory_checks(tasks, scores, checks)
    return Diagnosis(_primary(checks), tuple(checks))


def _primary(checks: Sequence[Finding]) -> Fault:
    """The first fault found; a secondary one only where all that count are ruled out."""
    counting = [check for check in checks if check.fault not in SECONDARY]
    for check in counting:
        if check.verdict is Verdict.FOUND:
            return check.fault
    if any(check.verdict is not Verdict.RULED_OUT for check in counting):
        return Fault.UNDECIDED
    return next((check.fault for check in checks if check.verdict is Verdict.FOUND), Fault.NONE)


def by_task(samples: Iterable[ScoredSample]) -> dict[str, list[ScoredSample]]:
    found: defaultdict[str, list[ScoredSample]] = defaultdict(list)
    for sample in samples:
        found[sample.task].append(sample)
    return dict(found)


def _blanket_checks(tasks: Sequence[ConditionedTask]) -> list[Finding]:
    """Faults that need no stream, up to the first that leaves nothing else to be told."""
    checks: list[Finding] = []
    for check in (check_abstaining, check_favourite, check_random):
        checks.append(check(tasks))
        if _is_blanket(checks[-1]):
            break
    return checks


def _is_blanket(check: Finding) -> bool:
    return check.verdict is Verdict.FOUND and check.blanket


def _sensory_checks(
    tasks: Sequence[ConditionedTask], scores: RunScores, before: Sequence[Finding]
) -> list[Finding]:
    """What is seen, heard and read; a favourite option explains low abilities, leak and recall."""
    favours = any(
        check.verdict is Verdict.FOUND
        and check.fault in (Fault.POSITION_BIASED, Fault.FAVOURS_A_CLASS)
        for check in before
    )
    only = [] if favours else [check_only(stream, tasks, scores) for stream in STREAMS]
    lacking = {check.fault for check in only if check.verdict is Verdict.FOUND}
    # Without the sense that is asked about, naming the other is no dominance.
    dominance = [
        check_dominance(stream, tasks, scores) for stream in STREAMS if ONLY[stream] not in lacking
    ]
    dominance.sort(key=lambda check: -check.excess)
    declining = [] if favours else [check_leak(scores), check_declining(scores)]
    return [*only, *dominance, check_captions(scores), *declining]
