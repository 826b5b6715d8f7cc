"""From runs to the written leaderboard, by the commands that a submitter and a maintainer use."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.errors import FileError
from mma_eval.eval.run import Run
from mma_eval.eval.scorecard import Share
from mma_eval.leaderboard.board import Board, BoardRow, Number
from mma_eval.leaderboard.build import build
from mma_eval.leaderboard.read_submission import read_submission
from mma_eval.leaderboard.readme import END, START
from mma_eval.leaderboard.register import register
from mma_eval.leaderboard.registered import write_registered
from mma_eval.leaderboard.submission import write_submission
from mma_eval.leaderboard.submit import prepare
from mma_eval.task.dataset import open_dataset
from mma_eval.types import Attribution

DEMO = "demo:count=30"
ALL = "aligned,misalign,frames_zeroed,audio_removed,misleading_caption,abstention"
FEW = "aligned,misalign"
CARD = """\
name: {name}
backend: planted
family: planted
summary: A specimen with one known fault
license: Apache-2.0
inputs: [text, video, audio]
arguments: {{fault: {fault}, skill: {skill}}}
"""


@dataclass
class Workplace:
    """A leaderboard's folder, and the runs that its submissions were made from."""

    folder: Path
    runs: dict[str, Run] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    def submit(self, name: str, fault: str, skill: float, tasks: str) -> None:
        card = self.folder.parent / f"{name}.yaml"
        card.write_text(CARD.format(name=name, fault=fault, skill=skill), encoding="utf-8")
        run = evaluate(str(card), tasks, dataset=DEMO, output_path=self.folder.parent / "runs")
        prepared = prepare([run.folder], str(card), submitter="A. Body", contact=None)
        self.runs[name] = run
        self.files[name] = write_submission(
            self.folder / "submissions", prepared.header, prepared.answers
        )

    def trust(self, *names: str) -> None:
        """List submissions as reproduced."""
        entries = [
            {"file": path.name, "digest": read_submission(path).digest, "by": "the maintainers"}
            for path in (self.files[name] for name in names)
        ]
        path = self.folder / "reproduced.yaml"
        path.write_text(json.dumps({"reproduced": entries}), encoding="utf-8")

    def texts(self) -> dict[str, bytes]:
        """Everything that a build writes."""
        names = ("leaderboard.csv", "leaderboard.json", "README.md", "site/index.html")
        return {name: (self.folder / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Three submissions on thirty demo clips, one of them reproduced."""
    place = Workplace(tmp_path_factory.mktemp("board") / "leaderboard")
    write_registered(place.folder / "datasets", register(open_dataset(DEMO)))
    place.submit("sharp", "none", 0.95, ALL)
    place.submit("duller", "none", 0.8, FEW)
    place.submit("deaf", "sees_only", 1.0, FEW)
    place.trust("sharp")
    (place.folder / "README.md").write_text(f"# Rows\n{START}\n{END}\n", encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def board(workplace: Workplace) -> Board:
    return build(workplace.folder).board


def rows_of(board: Board) -> dict[str, BoardRow]:
    return {row.model.title: row for row in board.rows}


def same(number: Number | None, share: Share | None) -> bool:
    """Whether a row's number is the run's, interval included."""
    assert number is not None
    assert share is not None
    told = (number.value, number.low, number.high)
    expected = pytest.approx((share.rate, share.low, share.high), abs=1e-6)
    return (number.k, number.n) == (share.k, share.n) and told == expected


def test_a_row_is_the_table_of_its_run(workplace: Workplace, board: Board) -> None:
    rows = rows_of(board)
    for name, run in workplace.runs.items():
        row, scores = rows[name], run.scores
        assert scores is not None
        recalls = {summary.task: summary.recall for summary in scores.abstentions}
        shown = [score for score in scores.tasks if "control" not in score.task]
        assert list(row.cells) == [score.task for score in shown]
        for score in shown:
            expected = recalls.get(score.task) or score.accuracy or score.leak
            assert same(row.cells[score.task].number, expected), score.task
        (pair,) = scores.pairs
        assert same(row.both_right["misalign"].number, pair.both_right)
        followed = {f.task: f for f in scores.followings if f.source is Attribution.OTHER_MODALITY}
        assert same(row.alternatives.follows_sight, followed["misalign_audio"].share)
        assert same(row.alternatives.follows_sound, followed["misalign_visual"].share)
        assert row.answered is not None
        assert (row.answered.answered, row.answered.coverage) == (scores.answered, 1.0)


def test_kinds_are_the_maintainers_to_say_and_each_is_ranked_alone(board: Board) -> None:
    rows = rows_of(board)
    assert rows["sharp"].kind == "reproduced"
    assert {rows[name].kind for name in ("duller", "deaf")} == {"re-scored"}
    assert rows["sharp"].standing.rank == rows["duller"].standing.rank == 1
    assert rows["deaf"].standing.rank == 2
    assert rows["deaf"].both_right["misalign"].number is not None
    assert rows["deaf"].both_right["misalign"].number.value < 0.2
    assert rows["deaf"].alternatives.mean_misaligned == pytest.approx(0.5, abs=0.1)


def test_the_same_files_give_the_same_bytes(workplace: Workplace, board: Board) -> None:
    first = workplace.texts()
    assert Board.model_validate_json(first["leaderboard.json"]) == board
    build(workplace.folder)
    assert workplace.texts() == first


def test_what_is_no_submission_is_named_and_the_rest_is_built(workplace: Workplace) -> None:
    folder = workplace.folder / "submissions"
    broken = folder / "broken@demo.submission.gz"
    broken.write_bytes(b"not gzip")
    stray = folder / "notes.txt"
    stray.write_text("hello", encoding="utf-8")
    try:
        built = build(workplace.folder)
    finally:
        broken.unlink()
        stray.unlink()
    assert built.exit_code == 1
    assert [left.file for left in built.left_out] == ["broken@demo.submission.gz", "notes.txt"]
    assert "the file: " in built.left_out[0].why
    assert "is no submission" in built.left_out[1].why
    assert {"sharp", "duller", "deaf"} <= rows_of(built.board).keys()
    assert b"not gzip" not in workplace.texts()["site/index.html"]


def test_a_reproduced_file_that_changed_is_named(workplace: Workplace) -> None:
    listed = (workplace.folder / "reproduced.yaml").read_text(encoding="utf-8")
    digest = read_submission(workplace.files["sharp"]).digest
    path = workplace.folder / "reproduced.yaml"
    path.write_text(listed.replace(digest, "0" * 64), encoding="utf-8")
    try:
        built = build(workplace.folder)
    finally:
        path.write_text(listed, encoding="utf-8")
    assert [left.file for left in built.left_out] == [workplace.files["sharp"].name]
    assert "no row has the digest 0000" in built.left_out[0].why
    assert rows_of(built.board)["sharp"].kind == "re-scored"


def test_a_folder_without_submissions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reproduced.yaml").write_text("reproduced: []\n", encoding="utf-8")
    with pytest.raises(FileError, match="is no folder of submissions"):
        build(tmp_path)


def test_the_leaderboard_of_this_repository_is_what_its_files_give(tmp_path: Path) -> None:
    """The real rows: the specimen before and after tuning, apart, and the paper's."""
    own = Path(__file__).resolve().parents[2] / "leaderboard"
    shutil.copytree(own, tmp_path / "leaderboard")
    built = build(tmp_path / "leaderboard")
    assert built.left_out == ()
    for name in ("leaderboard.csv", "leaderboard.json", "README.md", "site/index.html"):
        made = (tmp_path / "leaderboard" / name).read_bytes()
        assert made == (own / name).read_bytes(), f"{name}: run `mma-eval leaderboard build`"
    specimens = [row for row in built.board.rows if row.specimen]
    assert [row.model.name for row in specimens] == ["tiny-omni", "tiny-omni"]
    assert all(row.kind == "reproduced" and row.standing.rank is None for row in specimens)
    shares = [row.both_right["misalign"].number for row in specimens]
    assert [None if share is None else share.k for share in shares] == [98, 0]
