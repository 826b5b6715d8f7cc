"""Task files: what they expand to, how they are selected, and what a bad one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval.errors import TaskFileError, UnknownNameError, UsageError
from mma_eval.models.catalogue import CardCatalogue
from mma_eval.perturb.parse import parse_perturbation
from mma_eval.task.load import TaskCatalogue, read_tasks

CATALOGUE = {
    f"{condition}_{ask}"
    for condition in (
        "aligned",
        "misalign",
        "frames_zeroed",
        "audio_removed",
        "misleading_caption",
        "long_context",
        "abstention",
        "cot_aligned",
        "cot_misalign",
    )
    for ask in ("visual", "audio")
}

GOOD = """\
task: quiet
ask: [visual]
prompt: ask.jinja
target: "{{ labels[ask] }}"
version: 1
"""
PROMPT = "What is {{ ask }}? Options: {{ options | join(', ') }}."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ask.jinja").write_text(PROMPT)
    (tmp_path / "quiet.yaml").write_text(GOOD)
    return tmp_path


def test_the_benchmark_has_eighteen_tasks() -> None:
    tasks = TaskCatalogue().select("mma_bench")
    assert {task.name for task in tasks if task.control_of is None} == CATALOGUE


def test_a_task_brings_its_controls() -> None:
    names = [task.name for task in TaskCatalogue().select("abstention_visual")]
    assert names == [
        "abstention_visual",
        "abstention_visual.control_aligned",
        "abstention_visual.control_irrelevant",
    ]


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ("misalign_audio", ["misalign_audio"]),
        ("misalign", ["misalign_visual", "misalign_audio"]),
        ("conflict", ["misalign_visual", "misalign_audio"]),
        ("cot_*_audio", ["cot_aligned_audio", "cot_misalign_audio"]),
        ("misalign_audio,aligned_audio", ["aligned_audio", "misalign_audio"]),
        ("misalign_audio,misalign", ["misalign_visual", "misalign_audio"]),
        ("conflict,-misalign_audio", ["misalign_visual"]),
        ("baseline,chain_of_thought,-cot_*", ["aligned_visual", "aligned_audio"]),
        ("misleading_caption_audio@bare", ["misleading_caption_audio@bare"]),
        ("long_context@w*", ["long_context_visual@words", "long_context_audio@words"]),
    ],
)
def test_selecting_by_name_tag_and_glob(selection: str, names: list[str]) -> None:
    assert [task.name for task in TaskCatalogue().select(selection)] == names


def test_leaving_everything_out_is_refused() -> None:
    with pytest.raises(UsageError, match="leaves no task to run"):
        TaskCatalogue().select("aligned,-aligned_*")


def test_the_prompts_are_minimal_pairs() -> None:
    from mma_eval.task.samples import example_sample

    catalogue = TaskCatalogue()

    def prompt(name: str) -> str:
        task = catalogue.get(name)
        return task.prompt.render(example_sample(task))

    base = prompt("aligned_visual")
    assert base == (
        "Which class best describes the visual content of this video? "
        "Options: {Bird, Cat, Door}. Answer using a single word or phrase."
    )
    assert prompt("misalign_visual") == base
    assert prompt("misalign_audio") == base.replace("visual content", "audio content")
    assert prompt("frames_zeroed_visual") == base
    caption = prompt("misleading_caption_visual")
    assert caption in {f"Video_caption: {name}. {base}" for name in ("Cat", "Door")}
    assert prompt("abstention_visual") == base.replace("Door}", "Door, None of the above}")
    assert prompt("long_context_visual").startswith(base + " ")
    assert prompt("long_context_visual@before").endswith(" " + base)
    assert prompt("aligned_visual@class_name") == base.replace("Which class", "Which class name")
    bare = prompt("misleading_caption_visual@bare")
    assert bare == caption.removesuffix(" Answer using a single word or phrase.")
    reasoning = prompt("cot_aligned_audio")
    assert reasoning.endswith(
        " Options: {Bird, Cat, Door}. Think step by step about what the audio content shows. "
        "First provide your thinking process, then give the final answer in the format: "
        "Final Answer: <class>."
    )


def test_the_users_folder_adds_tasks(folder: Path) -> None:
    assert TaskCatalogue([folder]).get("quiet_visual").path == folder / "quiet.yaml"


def test_a_task_cannot_be_defined_twice(folder: Path) -> None:
    (folder / "again.yaml").write_text(GOOD)
    with pytest.raises(TaskFileError, match="'quiet_visual' is already defined"):
        TaskCatalogue([folder])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (GOOD + "metric: [accuracy]\n", "quiet.yaml:6: unknown key 'metric'; did you mean"),
        (GOOD + "metrics: [acuracy]\n", "quiet.yaml:6: .*unknown metric 'acuracy'; did you mean"),
        (GOOD + "perturb: [swap_adio]\n", "quiet.yaml:6: .*'swap_adio'; did you mean 'swap_audio'"),
        (
            GOOD + "perturb:\n  - long_context: {tokn: 3}\n",
            "quiet.yaml:7: .*'tokn'; did you mean 'tokens'",
        ),
        (GOOD + "perturb: [strip_audio, swap_audio]\n", "quiet.yaml:6: .*comes after"),
        (GOOD + "perturb: [caption]\n", "quiet.yaml:6: .*ask.jinja does not use caption"),
        (GOOD + "generation: {max_new_token: 3}\n", "unknown key 'max_new_token'"),
        (GOOD.replace("version: 1\n", ""), "the key 'version' is missing"),
        (GOOD.replace("[visual]", "[sight]"), "quiet.yaml:2: "),
        (GOOD.replace("ask.jinja", "aks.jinja"), "quiet.yaml:3: .*did you mean 'ask.jinja'"),
        (GOOD.replace("labels[ask]", "label[ask]"), "quiet.yaml:4: .*'label'; did you mean"),
        (GOOD.replace("labels[ask] }}", "labels[ask] }"), "quiet.yaml:4: template syntax"),
        (GOOD + "task: other\n", "quiet.yaml:6: the key 'task' is given twice"),
        (GOOD + "tags: [a\n", "is not valid YAML"),
        ("- a list\n", "must be a mapping"),
        (GOOD + "tags: !!python/object/apply:os.system [echo]\n", "is not valid YAML"),
    ],
)
def test_a_bad_task_file_names_its_line(folder: Path, changed: str, sentence: str) -> None:
    (folder / "quiet.yaml").write_text(changed)
    with pytest.raises(TaskFileError, match=sentence):
        read_tasks(folder / "quiet.yaml")


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{{ aks }}", "ask.jinja:1: undefined template variable 'aks'; did you mean 'ask'"),
        ("One\n{{ labels }}", "ask.jinja:2: undefined template variable 'labels'"),
        ("{% if ask %}", "ask.jinja:1: template syntax"),
        ("{% extends 'other.jinja' %}", "other.jinja: template not found"),
    ],
)
def test_a_bad_template_names_its_line(folder: Path, template: str, sentence: str) -> None:
    (folder / "ask.jinja").write_text(template)
    with pytest.raises(TaskFileError, match=sentence):
        read_tasks(folder / "quiet.yaml")


def test_a_template_can_run_no_code(folder: Path) -> None:
    from mma_eval.task.samples import example_sample

    (folder / "ask.jinja").write_text("{{ ask.__class__.__mro__ }}")
    (task,) = read_tasks(folder / "quiet.yaml")
    with pytest.raises(TaskFileError, match="unsafe"):
        task.prompt.render(example_sample(task))


def test_a_condition_makes_a_new_task() -> None:
    catalogue = TaskCatalogue()
    task = catalogue.get("misalign_audio").with_perturbations([parse_perturbation("caption")])
    assert task.name == "misalign_audio+caption"
    assert task.content_hash != catalogue.get("misalign_audio").content_hash


def test_a_condition_on_a_removed_stream_is_refused() -> None:
    task = TaskCatalogue().get("frames_zeroed_visual")
    with pytest.raises(UsageError, match="frames_zeroed_visual: .*'strip_video' comes after"):
        task.with_perturbations([parse_perturbation("strip_video")])


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'misalign_audio'"):
        TaskCatalogue().select("misaling_audio")


def test_cards_may_lie_beside_tasks(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(
        "name: mine\nbackend: mock\nfamily: mine\nsummary: one of mine\nlicense: MIT\n"
    )

    assert TaskCatalogue([tmp_path]).names() == TaskCatalogue().names()
    assert CardCatalogue([tmp_path]).get("mine").backend == "mock"
