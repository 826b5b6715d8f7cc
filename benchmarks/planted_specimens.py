"""Does the diagnosis name what was planted? Specimens through the whole harness, and a matrix.

    python benchmarks/planted_specimens.py [--runs 30:20 100:15 300:5] [--write docs/instrument.md]

Every specimen is evaluated on demo clips with the real tasks, scored, and diagnosed from its
samples alone, at several sizes and strengths. The thresholds of the diagnosis were chosen on demo
set 901 with seeds from 1000; this uses demo set 21 with seeds from 0.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mma_eval import evaluate
from mma_eval.eval.analysis.diagnosis import Diagnosis, by_task, diagnose
from mma_eval.eval.analysis.findings import Fault
from mma_eval.metrics.intervals import wilson
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.planted import GRADED, PlantedFault
from mma_eval.task.dataset import open_dataset

TASKS = "aligned,misalign,frames_zeroed,audio_removed,misleading_caption,abstention"
DEMO_SEED = 21
RUNS = ("30:20", "100:15", "300:5")
"""Clips, and how many runs of each specimen."""
STRENGTHS = (0.3, 0.5, 0.7, 1.0)
MATRIX_STRENGTH = 0.7
BEGIN, END = "<!-- planted specimens: begin -->", "<!-- planted specimens: end -->"
FAULTS: tuple[PlantedFault, ...] = (
    "sees_only",
    "hears_only",
    "visually_dominated",
    "aurally_dominated",
    "follows_captions",
    "always_abstains",
    "position_biased",
    "random",
)
SHORT = {
    Fault.SEES_ONLY: "sees",
    Fault.HEARS_ONLY: "hears",
    Fault.VISUALLY_DOMINATED: "visual",
    Fault.AURALLY_DOMINATED: "aural",
    Fault.FOLLOWS_SIGHT: "sees or visual",
    Fault.FOLLOWS_SOUND: "hears or aural",
    Fault.FOLLOWS_CAPTIONS: "caption",
    Fault.ALWAYS_ABSTAINS: "abstains",
    Fault.POSITION_BIASED: "position",
    Fault.RANDOM: "random",
    Fault.NONE: "none",
    Fault.UNDECIDED: "undecided",
}
"""Headings of the matrix."""


CAUTIOUS: dict[PlantedFault, Fault] = {
    "sees_only": Fault.FOLLOWS_SIGHT,
    "visually_dominated": Fault.FOLLOWS_SIGHT,
    "hears_only": Fault.FOLLOWS_SOUND,
    "aurally_dominated": Fault.FOLLOWS_SOUND,
}
"""What a fault is rightly called while two of them cannot be told apart."""


@dataclass(frozen=True)
class Specimen:
    """What is planted: a fault, how often it strikes, and how well streams are recognised."""

    fault: PlantedFault
    strength: float | None = None
    skill: float = 0.95

    @property
    def name(self) -> str:
        plain = self.fault.replace("_", " ") if self.fault != "none" else "no fault"
        strength = "" if self.strength is None else f", {100 * self.strength:.0f} %"
        skill = "" if self.skill == 0.95 else f", skill {100 * self.skill:.0f} %"
        return plain + strength + skill

    def arguments(self, seed: int) -> dict[str, object]:
        graded = {} if self.strength is None else {"strength": self.strength}
        return {"fault": self.fault, "skill": self.skill, "seed": seed, **graded}


@dataclass(frozen=True)
class Trial:
    """One run of one specimen, and what it was diagnosed as."""

    specimen: Specimen
    clips: int
    seed: int
    primary: Fault
    found: tuple[Fault, ...]


def specimens() -> list[Specimen]:
    """A whole model, a weak one, and every fault at every strength it has."""
    found = [Specimen("none"), Specimen("none", skill=0.5)]
    for fault in FAULTS:
        graded = fault in GRADED
        found += [Specimen(fault, strength) for strength in (STRENGTHS if graded else (None,))]
    return found


def trial(specimen: Specimen, clips: int, seed: int) -> Trial:
    diagnosis = diagnosed(specimen, f"demo:seed={DEMO_SEED},count={clips}", seed)
    found = tuple(finding.fault for finding in diagnosis.findings)
    return Trial(specimen, clips, seed, diagnosis.primary, found)


def diagnosed(specimen: Specimen, dataset: str, seed: int) -> Diagnosis:
    """The specimen through the whole harness; `seed` is its own and that of pairs and captions."""
    with TemporaryDirectory() as folder:
        run = evaluate(
            create_model(_card(), specimen.arguments(seed)),
            TASKS,
            dataset=dataset,
            seed=seed,
            output_path=folder,
        )
    assert run.scores is not None
    return diagnose(run.scores, by_task(run.samples))


@cache
def _card() -> ModelCard:
    return CardCatalogue().get("planted")


def matrix(trials: Iterable[Trial]) -> str:
    """Planted by named, in runs, for the trials of one size."""
    named: dict[str, Counter[Fault]] = {}
    for one in trials:
        named.setdefault(one.specimen.name, Counter())[one.primary] += 1
    columns = list(SHORT) + sorted({f for row in named.values() for f in row} - set(SHORT))
    rows = [
        [planted, *(f"**{row[fault]}**" if row[fault] else "" for fault in columns)]
        for planted, row in named.items()
    ]
    return _markdown(["planted", *(SHORT.get(fault, fault) for fault in columns)], rows)


def rates(trials: Sequence[Trial]) -> str:
    """Share of runs in which what was planted is named first, by size, and what else was named."""
    rows = []
    for specimen in dict.fromkeys(one.specimen for one in trials):
        own = [one for one in trials if one.specimen == specimen]
        cells = []
        for clips in sorted({one.clips for one in trials}):
            runs = [one for one in own if one.clips == clips]
            cells.append(_share([one.primary == specimen.fault for one in runs]))
        missed = Counter(
            f"{one.primary.replace('_', ' ')} at {one.clips}"
            for one in own
            if one.primary != specimen.fault
        )
        rows.append([specimen.name, *cells, ", ".join(f"{k} ({n})" for k, n in missed.items())])
    sizes = [f"{clips} clips" for clips in sorted({one.clips for one in trials})]
    return _markdown(["planted", *sizes, "else named"], rows)


def false_alarms(trials: Sequence[Trial]) -> str:
    """How often something is named that was not planted.

    On specimens without a fault any finding counts; on the others what is named first, since leak
    and missing abstentions follow from dominance and a missing sense.
    """
    rows = []
    for title, runs in (
        ("no fault planted: any finding", [t for t in trials if t.specimen.fault == "none"]),
        (
            "a fault planted: another one named first",
            [t for t in trials if t.specimen.fault != "none"],
        ),
    ):
        wrong = [_false_alarm(one) for one in runs]
        rows.append([title, f"{sum(wrong)} of {len(wrong)}", _share(wrong)])
    return _markdown(["false alarms", "runs", "share"], rows)


def _false_alarm(one: Trial) -> bool:
    if one.specimen.fault == "none":
        return bool(one.found)
    cautious = CAUTIOUS.get(one.specimen.fault, Fault.UNDECIDED)
    return one.primary not in (one.specimen.fault, cautious, Fault.UNDECIDED)


def _share(hits: Sequence[bool]) -> str:
    if not hits:
        return ""
    interval = wilson(sum(hits), len(hits))
    rate = 100 * sum(hits) / len(hits)
    # An end below 1 % is not rounded to a certainty.
    ends = [f"{100 * end:.{1 if 0 < end < 0.01 else 0}f}" for end in (interval.low, interval.high)]
    return f"{rate:.0f} % [{'-'.join(ends)}]"


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(trials: Sequence[Trial]) -> str:
    shown = [one for one in trials if one.specimen.strength in (None, MATRIX_STRENGTH)]
    runs = Counter(one.clips for one in shown if one.specimen == shown[0].specimen)
    sizes = ", ".join(f"{count} with {clips} clips" for clips, count in runs.items())
    return "\n\n".join(
        (
            f"Runs by what was planted and what was named first ({sizes}; graded faults at "
            f"{100 * MATRIX_STRENGTH:.0f} %):",
            matrix(shown),
            "Named first what was planted, with Wilson's 95 % interval:",
            rates(trials),
            false_alarms(trials),
        )
    )


def write_between_markers(page: Path, text: str) -> None:
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page}: the markers '{BEGIN}' and '{END}' are missing")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    arguments = _arguments()
    sizes = [tuple(map(int, text.split(":"))) for text in arguments.runs]
    jobs = [
        (specimen, clips, seed)
        for clips, count in sizes
        for specimen in specimens()
        for seed in range(count)
    ]
    for clips, _ in sizes:
        open_dataset(f"demo:seed={DEMO_SEED},count={clips}")
    trials = []
    with ProcessPoolExecutor(arguments.workers) as pool:
        for one in pool.map(trial, *zip(*jobs, strict=True)):
            trials.append(one)
            print(
                f"{len(trials)}/{len(jobs)} {one.specimen.name}, {one.clips} clips, "
                f"seed {one.seed}: {one.primary}",
                file=sys.stderr,
            )
    text = report(trials)
    print(text)
    if arguments.write is not None:
        write_between_markers(arguments.write, text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", nargs="+", default=RUNS, help="clips:runs of each specimen")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--write", type=Path, help="a page with markers for the tables")
    return parser.parse_args()


if __name__ == "__main__":
    main()
