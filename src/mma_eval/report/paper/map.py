"""The page that says for every table and figure how it is made here, or why it is not."""

from __future__ import annotations

from collections.abc import Iterator

from mma_eval.report.paper.notes import selection
from mma_eval.report.paper.published import Exhibit, Paper, Source

_OPENING = """\
# The paper's tables and figures

Every table and figure of [the MMA-Bench paper](https://arxiv.org/abs/2511.22826) and of its
supplement: the command that makes it from runs, beside the published numbers, or why it is not made
here. Made by `mma-eval paper --map`.

```bash
mma-eval paper                                                # the list
mma-eval paper table3                                         # the published numbers alone
mma-eval paper table3 results/tiny-omni                       # beside those of runs
mma-eval paper figure4 results/tiny-omni --svg figure4.svg    # as bars; --csv FILE for numbers
mma-eval paper all results/tiny-omni -o paper-tables          # all of them in all three forms
```

A `RUN` is the folder of a run, or a folder with runs below it; runs of one model with different
tasks are joined. A row says *measured* or *reported*; a reported number with a question mark is
contradicted by another source. The difference is shown on MMA-Bench itself only: on other clips the
published numbers are no baseline. Where a run lacks a task, the command that asks it is printed.

What differs from the paper everywhere: where the asked stream is the removed one, the paper prints
an accuracy; here it is the *leak*, how often the removed label is still named; lower is better.
Sound is swapped by one seeded derangement, unless the manifest brings clips whose labels differ.
The paper averages three seeds; here each seed is a row. Numbers of figures were read off the labels
of their bars by eye.
"""


def paper_map(paper: Paper) -> str:
    """`docs/paper-map.md`, from the data alone."""
    return "".join(f"{line}\n" for line in _lines(paper)).rstrip("\n") + "\n"


def tasks_of(source: Source) -> str:
    """The `--tasks` that a table or figure needs."""
    return selection(column.task for column in source.columns)


def _lines(paper: Paper) -> Iterator[str]:
    yield from _OPENING.splitlines()
    yield from ("", "## Made from runs", "")
    yield from ("| | what it shows | to ask | to show |", "|---|---|---|---|")
    for exhibit in paper.measurable:
        tasks = tasks_of(paper.numbers_of(exhibit))
        yield (
            f"| {exhibit.label} | {exhibit.title} | `mma-eval --model MODEL --tasks {tasks}` "
            f"| `mma-eval paper {exhibit.id} RUN` |"
        )
    yield from (
        "",
        "Before and after tuning: give the run of the model and its run with `--adapter`.",
    )
    yield from ("", "## Shown by another command", "")
    yield from ("| | what it shows | command |", "|---|---|---|")
    for exhibit in paper.exhibits:
        if exhibit.shown_by is not None:
            note = f"<br>{exhibit.note}" if exhibit.note is not None else ""
            yield f"| {exhibit.label} | {exhibit.title} | `{exhibit.shown_by}`{note} |"
    yield from ("", "## Not made here", "")
    yield from ("| | what it shows | why not |", "|---|---|---|")
    for exhibit in paper.exhibits:
        if exhibit.lacking is not None:
            yield f"| {exhibit.label} | {exhibit.title} | {exhibit.lacking} |"
    yield from ("", "## Where the sources disagree", "")
    by_id = {exhibit.id: exhibit for exhibit in paper.exhibits}
    for contradiction in paper.contradictions:
        yield f"- {_labels([by_id[name] for name in contradiction.exhibits])}: {contradiction.what}"


def _labels(exhibits: list[Exhibit]) -> str:
    """`Table 3, Figure 21; supplement: Table 4`."""
    own = [exhibit.label for exhibit in exhibits if not exhibit.in_supplement]
    other = [exhibit.short for exhibit in exhibits if exhibit.in_supplement]
    parts = [", ".join(own)] if own else []
    return "; ".join([*parts, f"supplement: {', '.join(other)}"] if other else parts)
