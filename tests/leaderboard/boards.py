"""A board made by hand: every kind of row, ties, an unranked row, specimens, bounds, footnotes."""

from __future__ import annotations

from mma_eval.eval.scorecard import Share
from mma_eval.leaderboard.board import (
    Alternatives,
    Answered,
    Board,
    BoardRow,
    BothRight,
    Cell,
    ConditionColumn,
    Example,
    Footnote,
    Kind,
    ModelFacts,
    Number,
    Ranking,
    Source,
    Standing,
    Worst,
)
from mma_eval.leaderboard.words import board_words
from mma_eval.models.card import Exposure

CLIPS = 658
VERSION = "mma-bench-2025.12"

LEAKING = ("frames_zeroed_visual", "audio_removed_audio")
CONDITIONS = (
    "aligned",
    "misalign",
    "frames_zeroed",
    "audio_removed",
    "misleading_caption",
    "abstention",
)


def example_board() -> Board:
    """Eleven rows, as a real board would hold them."""
    return Board(
        columns=tuple(
            _column(f"{name}_{ask}") for name in CONDITIONS for ask in ("visual", "audio")
        ),
        rows=(
            _measured("reproduced", "qwen3-omni-30b-a3b", (551, 384, 96), rank=1, tied=0),
            _measured("reproduced", "qwen2.5-omni", (386, 166, 60), rank=2, tied=1),
            _measured("reproduced", "videollama2.1-7b-av", (238, 121, 44), rank=2, tied=1),
            _measured("re-scored", "listening-omni", (598, 502, 455), rank=1, tied=0),
            _measured("re-scored", "omni-api", (620, 171, 151), rank=2, tied=0, is_open=False),
            _measured(
                "re-scored",
                "half-omni",
                (290, 150, 110),
                n=301,
                unranked="answered 301 of 658 conflict clips; 527 are needed",
            ),
            _measured(
                "re-scored",
                "<script>alert(1)</script>",
                (12, 20, 1),
                rank=3,
                tied=0,
            ),
            _reported("Qwen3-Omni-30B-Instruct", 0.8373, 0.1458, footnotes=(1,)),
            _reported("Gemini-2.5-Pro", 0.9528, 0.2495),
            _specimen(None, (100, 0, 0)),
            _specimen("tiny_demo", (100, 98, 98)),
        ),
        rankings=(
            Ranking(
                dataset="mma_bench",
                dataset_version=VERSION,
                kind="reproduced",
                ranked=("qwen3-omni-30b-a3b", "qwen2.5-omni", "videollama2.1-7b-av"),
                common=651,
                conflict_planned=CLIPS,
                comparisons=3,
            ),
            Ranking(
                dataset="mma_bench",
                dataset_version=VERSION,
                kind="re-scored",
                ranked=("listening-omni", "omni-api", "script-alert-1"),
                common=640,
                conflict_planned=CLIPS,
                comparisons=3,
            ),
        ),
        footnotes=(
            Footnote(
                number=1,
                text="The authors' README gives 76.68 for misaligned clips asked what is seen; "
                "every table and figure says 83.73.",
            ),
        ),
        words=board_words(),
        generated_from=(Source(name="qwen2.5-omni@mma_bench.submission.gz", digest="ab" * 32),),
    )


def _column(task: str) -> ConditionColumn:
    condition, _, ask = task.rpartition("_")
    leaks = task in LEAKING
    metric = "leak" if leaks else "abstention" if condition == "abstention" else "accuracy"
    return ConditionColumn.model_validate(
        {
            "task": task,
            "condition": condition,
            "ask": ask,
            "title": {"misalign": "misaligned"}.get(condition, condition.replace("_", " ")),
            "metric": metric,
            "better": "lower" if leaks else "higher",
        }
    )


def share(k: int, n: int) -> Number:
    found = Share.of(k, n)
    assert found is not None
    return Number(value=found.rate, low=found.low, high=found.high, k=k, n=n)


def _cells(visual: int, audio: int, n: int) -> dict[str, Cell]:
    """Numbers that hang together well enough to look at."""
    rights = {
        "aligned_visual": min(n, visual + n // 10),
        "aligned_audio": min(n, audio + n // 4),
        "misalign_visual": visual,
        "misalign_audio": audio,
        "frames_zeroed_visual": n // 3,
        "frames_zeroed_audio": min(n, audio + n // 5),
        "audio_removed_visual": min(n, visual + n // 12),
        "audio_removed_audio": n // 2,
        "misleading_caption_visual": visual // 2,
        "misleading_caption_audio": audio // 2,
        "abstention_visual": n // 7,
        "abstention_audio": n // 9,
    }
    columns = {task: _column(task) for task in rights}
    return {
        task: Cell(metric=columns[task].metric, number=share(right, n))
        for task, right in rights.items()
    }


def _measured(
    kind: Kind,
    name: str,
    rights: tuple[int, int, int],
    *,
    n: int = CLIPS,
    rank: int | None = None,
    tied: int = 0,
    unranked: str | None = None,
    is_open: bool = True,
) -> BoardRow:
    visual, audio, both = rights
    row_id = "script-alert-1" if "<" in name else name
    return BoardRow(
        id=row_id,
        kind=kind,
        specimen=False,
        model=ModelFacts(
            name=name,
            title=name,
            summary="An audio-visual language model",
            family=name.partition("-")[0],
            backend="qwen_omni",
            parameters=8_931_813_888 if is_open else None,
            license="Apache-2.0" if is_open else "proprietary",
            open=is_open,
            weights=f"example/{row_id}" if is_open else None,
            revision="0123abc",
            released="2025-03-26",
            inputs=("text", "video", "audio"),
            exposure=Exposure(
                judged_clip_selection=name.startswith("qwen"), tuned_on_training_split=False
            ),
            links={"paper": "https://arxiv.org/abs/2503.20215"},
            card=f"model_cards/{row_id}.yaml" if kind == "reproduced" else None,
        ),
        dataset="mma_bench",
        dataset_version=VERSION,
        answered=Answered(
            planned=12 * CLIPS,
            answered=12 * n,
            coverage=n / CLIPS,
            conflict_clips=n,
            conflict_planned=CLIPS,
        ),
        cells=_cells(visual, audio, n),
        both_right={"misalign": BothRight(number=share(both, n))},
        standing=Standing(
            rank=rank,
            position=rank,
            tied_with=tied,
            common=None if rank is None else share(min(both, 640), 640),
            unranked=unranked,
        ),
        alternatives=_alternatives(visual, audio, n),
        submission=f"{row_id}@mma_bench-{VERSION}.submission.gz",
        digest="cd" * 32,
        submitter="A. Stranger" if kind == "re-scored" else None,
        contact="https://example.org/contact" if kind == "re-scored" else None,
        source=None,
        examples=(
            Example(
                task="misalign_audio",
                id="clip0001/audio",
                seen="dog",
                heard="bell",
                target="bell",
                answer="I hear a <b>dog</b>",
                outcome="wrong",
                attribution="other_modality",
            ),
        ),
    )


def _alternatives(visual: int, audio: int, n: int) -> Alternatives:
    return Alternatives(
        mean_misaligned=(visual + audio) / (2 * n),
        worst=Worst(task="misleading_caption_audio", number=share(audio // 2, n)),
        drop_visual=0.1,
        drop_audio=0.25,
        drop=0.175,
        other_modality=share((n - audio) // 2, 2 * n),
        follows_sound=share(0, n),
        follows_sight=share((n - audio) // 2, n),
    )


def _reported(name: str, visual: float, audio: float, footnotes: tuple[int, ...] = ()) -> BoardRow:
    source = "arXiv 2511.22826, Table 3"

    def cell(value: float, notes: tuple[int, ...] = ()) -> Cell:
        return Cell(
            metric="accuracy",
            number=Number(value=value),
            decimals=2,
            source=source,
            footnotes=notes,
        )

    return BoardRow(
        id=f"reported-{name.lower()}",
        kind="reported",
        specimen=False,
        model=ModelFacts(name=name, title=name, open=None),
        dataset="mma_bench",
        dataset_version="as published",
        answered=None,
        cells={
            "misalign_visual": cell(visual, footnotes),
            "misalign_audio": cell(audio),
        },
        both_right={
            "misalign": BothRight(low=max(0.0, visual + audio - 1), high=min(visual, audio))
        },
        standing=Standing(
            rank=None, position=None, tied_with=0, common=None, unranked="no joint answers"
        ),
        alternatives=Alternatives(
            mean_misaligned=(visual + audio) / 2,
            worst=None,
            drop_visual=None,
            drop_audio=None,
            drop=None,
            other_modality=None,
            follows_sound=None,
            follows_sight=None,
        ),
        submission=None,
        digest=None,
        submitter=None,
        contact=None,
        source=source,
    )


def _specimen(adapter: str | None, rights: tuple[int, int, int]) -> BoardRow:
    row = _measured("reproduced", "tiny-omni", rights, n=100, unranked="a constructed specimen")
    title = "tiny-omni" + (f" + {adapter}" if adapter else "")
    return row.model_copy(
        update={
            "id": title.replace(" + ", "-"),
            "specimen": True,
            "dataset": "demo",
            "dataset_version": "demo-1-seed0-n100",
            "model": row.model.model_copy(
                update={"title": title, "parameters": 864_544, "adapter": adapter}
            ),
        }
    )
