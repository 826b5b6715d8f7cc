"""The adapter of a run as a stranger may know it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mma_eval.errors import FileError
from mma_eval.eval.doctor.striking import Striking
from mma_eval.eval.manifest import RunManifest
from mma_eval.leaderboard.submission import SubmittedAdapter
from mma_eval.models.local.adapter import CONFIG_FILE, adapter_identity
from mma_eval.train.record import read_record

TOLD = ("peft_type", "r", "lora_alpha", "lora_dropout", "use_dora", "use_rslora")
"""Of PEFT's configuration; its module names and paths stay where they are."""
SHORT = 8


def submitted_adapter(manifest: RunManifest, striking: Striking) -> SubmittedAdapter | None:
    """Name, content and kind of the run's adapter, None without one.

    Raises PrerequisiteError where its files are gone, FileError where they cannot be read.
    """
    given = manifest.settings.arguments().get("adapter")
    if given is None:
        return None
    folder = Path(str(given))
    digest = adapter_identity(folder)
    assert digest is not None
    path = folder / CONFIG_FILE
    try:
        configuration = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be read ({error})") from error
    facts = {name: str(configuration[name]) for name in TOLD if name in configuration}
    record = read_record(folder)
    if record is not None:
        facts |= {
            "recipe": record.recipe.name,
            "trained_on": striking.from_report(record.data.dataset),
            "trained_on_version": record.data.version,
            "steps": str(record.steps),
        }
    name = facts.get("recipe") or striking.from_report(folder.absolute().name)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "adapter"
    return SubmittedAdapter(name=f"{plain}-{digest[:SHORT]}", digest=digest, facts=facts)
