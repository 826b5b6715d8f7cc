"""A diagnosis on disk: what lies in its folder, and every figure of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mma_eval.diagnose.blocks import BLOCKING_FILE, BlockingRun
from mma_eval.diagnose.effects_file import AXES, EFFECTS_FILE, STATISTICS, AttentionEffects
from mma_eval.diagnose.token_map import TokenMap
from mma_eval.errors import FileError, PrerequisiteError, StoreError
from mma_eval.report.attention_figures.before_after import before_after_picture
from mma_eval.report.attention_figures.blocking import blocking_picture
from mma_eval.report.attention_figures.curves import curves_picture
from mma_eval.report.attention_figures.picture import Picture, check_matplotlib
from mma_eval.report.attention_figures.text_share import text_share_picture
from mma_eval.report.attention_figures.token_heat_map import token_map_picture
from mma_eval.whole_file import replacing

TOKEN_MAPS = "token_map*.json"
_OURS = re.compile(
    r"((layers|heads)_(by_mass|per_token)(_before_after)?|text_share|blocking_.+|token_map_\d+)"
    r"\.(svg|png)"
)


@dataclass(frozen=True)
class AttentionFolder:
    """Effects, and the blocking test and token maps where they were made."""

    effects: AttentionEffects
    blocking: BlockingRun | None = None
    token_maps: tuple[TokenMap, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> AttentionFolder:
        """What belongs together: left-overs of another model or adapter are passed over.

        Raises FileError for a folder without effects, or a file of another form.
        """
        if not (folder / EFFECTS_FILE).is_file():
            raise FileError(
                folder, f"has no {EFFECTS_FILE}; give a folder that `mma-eval diagnose` wrote"
            )
        effects = AttentionEffects.load(folder)
        origin = effects.measured.origin
        blocking = BlockingRun.load(folder) if (folder / BLOCKING_FILE).is_file() else None
        if blocking is not None and blocking.origin != origin:
            blocking = None
        maps = [TokenMap.load(path) for path in sorted(folder.glob(TOKEN_MAPS))]
        return cls(
            effects,
            blocking,
            tuple(one for one in maps if one.origin == origin),
        )


def pictures_of(found: AttentionFolder) -> tuple[Picture, ...]:
    """Every figure of a diagnosis, the most telling first; nothing is drawn yet."""
    run, before = found.effects.measured, found.effects.before
    pictures = []
    for axis in AXES:
        for statistic in reversed(STATISTICS):
            if before is not None:
                pictures.append(before_after_picture(before, run, statistic, axis))
            pictures.append(curves_picture(run, statistic, axis))
    pictures.append(text_share_picture(run))
    if found.blocking is not None:
        conditions = dict.fromkeys(one.condition for one in found.blocking.tasks if one.flips)
        pictures += [blocking_picture(run, found.blocking, one) for one in conditions]
    pictures += [
        token_map_picture(made, number) for number, made in enumerate(found.token_maps, start=1)
    ]
    return tuple(pictures)


def write_figures(found: AttentionFolder, folder: Path) -> tuple[Path, ...]:
    """Write every figure as SVG and PNG; figures of an earlier call go.

    Raises PrerequisiteError or StoreError.
    """
    check_matplotlib()
    written = []
    try:
        for picture in pictures_of(found):
            for ending, content in (("svg", picture.svg), ("png", picture.png)):
                path = folder / f"{picture.name}.{ending}"
                with replacing(path) as partial:
                    partial.write_bytes(content)
                written.append(path)
        for old in set(folder.iterdir()) - set(written):
            if _OURS.fullmatch(old.name):
                old.unlink()
    except OSError as error:
        raise StoreError(f"{folder}: figures cannot be written ({error.strerror})") from error
    return tuple(written)


def figures_or_reason(found: AttentionFolder, folder: Path) -> tuple[tuple[Path, ...], str | None]:
    """Files written, or none and the sentence that says what is missing; raises StoreError."""
    try:
        return write_figures(found, folder), None
    except PrerequisiteError as missing:
        return (), str(missing)
