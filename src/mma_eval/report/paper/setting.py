"""In what a run differs from the paper's setting, in sentences."""

from __future__ import annotations

from mma_eval.eval.analysis.subject import Subject

BENCHMARK = "mma_bench"


def on_the_benchmark(subject: Subject) -> bool:
    """Whether every clip was one of the benchmark's, so that reported numbers can be compared."""
    return all(dataset.name == BENCHMARK for dataset in subject.manifest.datasets)


def differences_of_setting(subject: Subject) -> list[str]:
    """What keeps this subject's numbers from being those of the paper's setting."""
    settings = subject.manifest.settings
    found = []
    if not on_the_benchmark(subject):
        names = ", ".join(dataset.name for dataset in subject.manifest.datasets)
        found.append(
            f"{subject.name} was asked about {names}, not {BENCHMARK}: the reported numbers are on "
            "other clips and are no baseline for it."
        )
    if settings.split is not None:
        found.append(f"{subject.name} saw the split '{settings.split}' only.")
    if settings.limit is not None:
        found.append(f"{subject.name} saw a draw of {settings.limit} clips, the paper all of them.")
    if settings.answer_by == "likelihood":
        found.append(
            f"{subject.name} answered by the likelihood of the options; the paper reads text."
        )
    if decoding := settings.gen_kwargs.model_dump(exclude_none=True):
        given = ", ".join(f"{name}={value}" for name, value in decoding.items())
        found.append(f"{subject.name} was decoded with {given}.")
    return found
