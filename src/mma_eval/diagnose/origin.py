"""Of what model, and on which clips, something was measured."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mma_eval.errors import UsageError
from mma_eval.eval.plan import Plan
from mma_eval.task.dataset import Dataset


class Origin(BaseModel):
    """One model, as it was loaded, and one version of a dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str
    version: str
    """What answered: the card's weights, or others in their place."""
    fingerprint: str
    adapter: str | None
    dataset: str
    dataset_version: str
    seed: int | dict[str, int]

    @property
    def name(self) -> str:
        """The model, and the adapter it carries."""
        return self.model if self.adapter is None else f"{self.model} + {Path(self.adapter).name}"


def origin_of(plan: Plan, dataset: Dataset, version: str) -> Origin:
    """Of what a plan measures on its one dataset; `version` is what the model says it is."""
    adapter = plan.settings.arguments().get("adapter")
    return Origin(
        model=plan.model.card.name,
        version=version,
        fingerprint=plan.model.fingerprint(),
        adapter=None if adapter is None else str(adapter),
        dataset=dataset.name,
        dataset_version=dataset.version,
        seed=plan.settings.seed,
    )


def one_dataset(plan: Plan) -> Dataset:
    """The dataset of every task; raises UsageError where they have several."""
    datasets = plan.datasets
    if len(datasets) != 1:
        names = ", ".join(dataset.name for dataset in datasets)
        raise UsageError(f"the tasks ask about several datasets ({names}); name one with --dataset")
    return datasets[0]
