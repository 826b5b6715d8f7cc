"""Comparisons of real runs of the scripted backend, with flips that can be counted by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.errors import UnknownNameError, UsageError
from mma_eval.eval.analysis.agreement import Difference
from mma_eval.eval.analysis.compare import Comparison, compare
from mma_eval.eval.analysis.operands import read_operand
from mma_eval.eval.run import Run
from mma_eval.metrics.intervals import smallest_detectable_difference

LABELS = dict(zip(range(6), ("Bird", "Cat", "Door") * 2, strict=True))
WRONG = "Frog"


def script(folder: Path, name: str, answers: Mapping[str, str]) -> dict[str, str]:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(answers))
    return {"behaviour": "script", "script": str(path)}


def right_on(ask: str, clips: set[int]) -> dict[str, str]:
    return {f"clip{at}/{ask}": LABELS[at] if at in clips else WRONG for at in LABELS}


def compared(one: object, two: object) -> Comparison:
    return compare(read_operand(str(one)), read_operand(str(two)))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path


def run(
    place: Path,
    manifest: Path,
    name: str,
    answers: Mapping[str, str],
    tasks: str,
    **options: object,
) -> Run:
    return evaluate(
        "mock",
        tasks,
        dataset=manifest,
        model_args=script(place, name, answers),
        output_path=place / name,
        **options,  # type: ignore[arg-type]
    )


class TestTwoRuns:
    def test_flips_p_values_and_the_family(self, place: Path, manifest: Path) -> None:
        before = right_on("audio", {0, 1, 2, 3, 4}) | right_on("visual", {0, 1, 2, 3, 4, 5})
        after = right_on("audio", {0, 5}) | right_on("visual", set())
        run(place, manifest, "before", before, "aligned")
        run(place, manifest, "after", after, "aligned")
        found = compared(place / "before", place / "after")
        visual, audio = found.tasks
        assert (audio.pairs, audio.only_first, audio.only_second) == (6, 4, 1)
        assert (audio.first, audio.second) == (5 / 6, 2 / 6)
        assert audio.difference.value == pytest.approx(-3 / 6)
        assert audio.difference.low < -3 / 6 < audio.difference.high
        # Of 5 flips 4 go one way: twice the chance of 4 or 5 heads, (5 + 1) / 32.
        assert audio.p == pytest.approx(2 * 6 / 32)
        assert visual.p == pytest.approx(2 / 64)
        assert (visual.p_holm, audio.p_holm) == pytest.approx((2 * 2 / 64, 2 * 6 / 32))
        assert [(flip.source, flip.first_right) for flip in audio.flips] == [
            ("clip1", True),
            ("clip2", True),
            ("clip3", True),
            ("clip4", True),
            ("clip5", False),
        ]
        (last,) = audio.flips[4:]
        assert (last.target, last.first_answer, last.second_answer) == ("Door", WRONG, "Door")
        assert [contrast.what for contrast in found.contrasts] == ["model arguments"]
        assert found.confounds == ()

    def test_what_differs_beside_the_adapter_is_named_too(
        self, place: Path, manifest: Path
    ) -> None:
        one, two = (
            run(place, manifest, name, right_on("audio", {0}), "aligned_audio").folder
            for name in ("one", "two")
        )
        written = json.loads((two / "run.json").read_text())
        written["settings"]["adapter"] = "tuned"
        written["environment"]["model"] = {"dtype": "bfloat16"}
        written["environment"]["packages"]["numpy"] = "0.1"
        (two / "run.json").write_text(json.dumps(written))
        found = {one.what: one.second for one in compared(one, two).contrasts}
        assert found.keys() == {"adapter", "model arguments", "how the model ran", "libraries"}
        assert (found["how the model ran"], found["libraries"]) == ("dtype=bfloat16", "numpy=0.1")

    def test_other_weights_under_the_same_name(self, place: Path, manifest: Path) -> None:
        folders = []
        for name, clips in (("one", {0}), ("two", {1})):
            script(place, "said", right_on("audio", clips))
            made = evaluate(
                "mock",
                "aligned_audio",
                dataset=manifest,
                model_args={"behaviour": "script", "script": str(place / "said.json")},
                output_path=place / name,
            )
            folders.append(made.folder)
        assert [one.what for one in compared(*folders).contrasts] == ["weights"]

    def test_what_pairs_could_show_counts_all_comparisons(
        self, place: Path, manifest: Path
    ) -> None:
        same = {f"clip{at}/{ask}": LABELS[at] for at in LABELS for ask in ("visual", "audio")}
        one, two = (run(place, manifest, name, same, "aligned").folder for name in ("one", "two"))
        for names, alpha in ((("", ""), 0.025), ((":aligned_audio", ":aligned_audio"), 0.05)):
            found = compared(f"{one}{names[0]}", f"{two}{names[1]}")
            needed = smallest_detectable_difference(6, p0=1.0, alpha=alpha)
            assert {task.smallest_detectable for task in found.tasks} == {needed}

    def test_what_has_no_partner_is_counted(self, place: Path, manifest: Path) -> None:
        everything = right_on("audio", set(LABELS))
        partial = {name: answer for name, answer in everything.items() if name != "clip0/audio"}
        failed = run(place, manifest, "failed", partial, "aligned_audio")
        assert len(failed.failures) == 1
        run(place, manifest, "whole", everything, "aligned_audio")
        (task,) = compared(place / "failed", place / "whole").tasks
        assert (task.pairs, task.left_first, task.left_second) == (5, 0, 1)
        assert (task.p, task.flips) == (1.0, ())

    def test_questions_without_their_stream_compare_by_leak(
        self, place: Path, manifest: Path
    ) -> None:
        run(place, manifest, "leaks", right_on("visual", {0, 1, 2}), "frames_zeroed_visual")
        run(place, manifest, "keeps", right_on("visual", set()), "frames_zeroed_visual")
        (task,) = compared(place / "leaks", place / "keeps").tasks
        assert task.measure == "leak"
        assert (task.first, task.second, task.only_first) == (0.5, 0.0, 3)
        assert task.p == pytest.approx(2 / 8)

    def test_a_task_of_one_side_is_meant_on_both(self, place: Path, manifest: Path) -> None:
        answers = right_on("audio", {0}) | right_on("visual", {0})
        run(place, manifest, "one", answers, "aligned")
        run(place, manifest, "two", answers | right_on("audio", {1}), "aligned")
        found = compared(f"{place / 'one'}:aligned_audio", place / "two")
        assert [task.second_task for task in found.tasks] == ["aligned_audio"]


class TestConditionsOfOneRun:
    @pytest.fixture
    def conditions(self, place: Path, manifest: Path) -> Path:
        """A model that hears nothing: it names what it sees."""
        answers = {f"clip{at}/{ask}": LABELS[at] for at in LABELS for ask in ("visual", "audio")}
        tasks = "aligned,misalign,cot_aligned_audio,abstention_audio"
        reasoned = {f"cot_aligned_audio:clip{at}/audio": "hm. Final Answer: Cat" for at in LABELS}
        return run(place, manifest, "deaf", answers | reasoned, tasks).folder

    def test_a_pair_shares_the_source_of_what_is_asked(self, conditions: Path) -> None:
        found = compared(f"{conditions}:aligned_audio", f"{conditions}:misalign_audio")
        (task,) = found.tasks
        assert (task.pairs, task.first, task.second, task.only_first) == (6, 1.0, 0.0, 6)
        assert task.p == pytest.approx(2 / 2**6)
        for flip in task.flips:
            assert flip.first_id == f"{flip.source}/audio"
            assert flip.second_id != flip.first_id, "the sound was moved to another clip"
            assert LABELS[int(flip.source[-1])] == flip.target == flip.first_answer
        assert [(c.what, c.first) for c in found.contrasts] == [("condition", "no perturbation")]
        assert "swap_audio" in found.contrasts[0].second

    def test_a_change_of_prompt_is_said(self, conditions: Path) -> None:
        found = compared(f"{conditions}:aligned_audio", f"{conditions}:cot_aligned_audio")
        prompt, reading = found.contrasts
        assert "Think step by step" in prompt.second
        assert "Think step by step" in prompt.sentence(), "where the two begin to differ"
        assert (reading.first, reading.second) == ("option", "final_answer")

    @pytest.mark.parametrize("swapped", [False, True])
    def test_a_text_that_only_goes_on_is_told_from_the_other(self, swapped: bool) -> None:
        short = "Which class best describes the visual content of this video? " * 2
        texts = [short, short + "Answer with one of the options."]
        first, second = texts[::-1] if swapped else texts
        sentence = Difference(what="prompt", first=first, second=second).sentence()
        assert sentence.count("one of the options") == 1

    def test_questions_with_other_right_answers_are_refused(self, conditions: Path) -> None:
        with pytest.raises(UsageError, match="right answer .*None of the above"):
            compared(f"{conditions}:aligned_audio", f"{conditions}:abstention_audio")

    def test_the_other_modality_is_another_question(self, conditions: Path) -> None:
        sides = [read_operand(f"{conditions}:aligned_{ask}") for ask in ("visual", "audio")]
        with pytest.raises(UsageError, match=r"modality asked \(visual against audio\)"):
            compare(*sides)
        assert compare(*sides, allow_differences=True).tasks[0].pairs == 6


class TestRefusals:
    ANSWERS = right_on("audio", {0, 1, 2})

    def refused(self, one: Path, other: Path, match: str) -> None:
        sides = read_operand(str(one)), read_operand(str(other))
        with pytest.raises(UsageError, match=match) as refusal:
            compare(*sides)
        assert "--allow-differences" in str(refusal.value)
        allowed = compare(*sides, allow_differences=True)
        assert allowed.tasks and allowed.confounds

    def test_another_dataset(self, place: Path, manifest: Path) -> None:
        rows = [json.loads(line) for line in manifest.read_text().splitlines()]
        rows[0]["visual_label"] = rows[0]["audio_label"] = "Frog"
        changed = manifest.with_name("changed.jsonl")
        changed.write_text("".join(json.dumps(row) + "\n" for row in rows))
        one = run(place, manifest, "one", self.ANSWERS, "aligned_audio")
        two = run(place, changed, "two", self.ANSWERS, "aligned_audio")
        self.refused(one.folder, two.folder, r"dataset \(.* against changed")

    def test_other_decoding(self, place: Path, manifest: Path) -> None:
        one = run(place, manifest, "one", self.ANSWERS, "aligned_audio")
        two = run(
            place, manifest, "two", self.ANSWERS, "aligned_audio", gen_kwargs={"temperature": 0.7}
        )
        self.refused(one.folder, two.folder, r"decoding \(temperature=0\.0 .*temperature=0\.7")

    @pytest.mark.parametrize(
        ("written", "rewritten", "match"),
        [
            ("version: 1", "version: 2", r"version of heard_audio \(1 against 2\)"),
            ("What do", "Say what", r"prompt of heard_audio \(What do you hear"),
            ("answer: option", "answer: letter", "how answers to heard_audio are read"),
        ],
    )
    def test_another_task(
        self, place: Path, manifest: Path, written: str, rewritten: str, match: str
    ) -> None:
        files = {
            "heard.yaml": "task: heard\nask: [audio]\nprompt: heard.jinja\nversion: 1\n"
            'target: "{{ labels[ask] }}"\nanswer: option\n',
            "heard.jinja": "What do you hear? {{ options | join(', ') }}",
        }
        runs = []
        for name, change in (("one", {}), ("two", {written: rewritten})):
            tasks = place / f"tasks_{name}"
            tasks.mkdir()
            for file, text in files.items():
                for old, new in change.items():
                    text = text.replace(old, new)
                (tasks / file).write_text(text)
            made = run(place, manifest, name, self.ANSWERS, "heard_audio", include_path=[tasks])
            runs.append(made.folder)
        self.refused(runs[0], runs[1], match)

    def test_another_version_of_the_tool(self, place: Path, manifest: Path) -> None:
        one = run(place, manifest, "one", self.ANSWERS, "aligned_audio").folder
        two = run(place, manifest, "two", self.ANSWERS, "aligned_audio").folder
        written = json.loads((two / "run.json").read_text())
        written["environment"]["mma_eval"] = "0.0.1"
        (two / "run.json").write_text(json.dumps(written))
        self.refused(one, two, r"mma-eval version \(.* against 0\.0\.1\)")

    def test_no_pairs(self, place: Path, manifest: Path) -> None:
        """One clip: the swapped sound comes from a clip that was not asked about."""
        folder = run(
            place, manifest, "one", self.ANSWERS, "aligned_audio,misalign_audio", limit=1
        ).folder
        with pytest.raises(UsageError, match="no clip's asked stream occurs on both sides"):
            compared(f"{folder}:aligned_audio", f"{folder}:misalign_audio")

    def test_a_side_that_lost_its_stream(self, place: Path, manifest: Path) -> None:
        folder = run(
            place, manifest, "one", right_on("visual", {0}), "aligned_visual,frames_zeroed_visual"
        ).folder
        with pytest.raises(UsageError, match="second side asks about a stream that is gone"):
            compared(f"{folder}:aligned_visual", f"{folder}:frames_zeroed_visual")

    def test_nothing_answered(self, place: Path, manifest: Path) -> None:
        one = run(place, manifest, "one", self.ANSWERS, "aligned_audio").folder
        two = run(place, manifest, "two", {}, "aligned_audio").folder
        with pytest.raises(UsageError, match="the second side has no answered sample"):
            compared(one, two)

    def test_a_run_against_itself(self, place: Path, manifest: Path) -> None:
        folder = run(place, manifest, "one", self.ANSWERS, "aligned_audio").folder
        for text in (str(folder), str(folder.parent), f"{folder}:aligned_audio"):
            with pytest.raises(UsageError, match="are the same run"):
                compared(folder, text)

    def test_what_two_folders_share_is_not_compared_with_itself(
        self, place: Path, manifest: Path
    ) -> None:
        both = self.ANSWERS | right_on("visual", {0})
        heard = run(place, manifest, "one", both, "aligned_audio").folder
        run(place, manifest, "one", both, "aligned_visual")
        with pytest.raises(UsageError, match="are the same run"):
            compared(heard.parent, heard)

    def test_no_task_in_common(self, place: Path, manifest: Path) -> None:
        run(place, manifest, "one", self.ANSWERS, "aligned_audio")
        run(place, manifest, "two", right_on("visual", {0}), "aligned_visual")
        with pytest.raises(UsageError, match="no task in common"):
            compared(place / "one", place / "two")


class TestOperands:
    def test_colons_in_paths(self, place: Path, manifest: Path) -> None:
        folder = place / "a:b"
        made = run(place, manifest, "a:b", right_on("audio", {0}), "aligned_audio")
        assert made.folder.is_relative_to(folder)
        assert read_operand(str(folder)).task is None
        assert read_operand(f"{folder}:aligned_audio").task == "aligned_audio"

    def test_a_wrong_task_is_corrected(self, place: Path, manifest: Path) -> None:
        run(place, manifest, "one", right_on("audio", {0}), "aligned_audio")
        with pytest.raises(UnknownNameError, match="did you mean 'aligned_audio'"):
            read_operand(f"{place / 'one'}:aligned_adio")

    def test_several_models_in_one_folder(self, place: Path, manifest: Path) -> None:
        for behaviour in ("first", "last"):
            evaluate(
                "mock", "aligned_audio", dataset=manifest, output_path=place,
                model_args={"behaviour": behaviour},
            )  # fmt: skip
        with pytest.raises(UsageError, match="holds runs of 2 models or configurations") as refusal:
            read_operand(str(place))
        for folder in (place / "mock").iterdir():
            assert str(folder) in str(refusal.value)

    def test_no_run(self, place: Path) -> None:
        with pytest.raises(UsageError, match="there is no such run"):
            read_operand(str(place / "nothing:aligned_audio"))
