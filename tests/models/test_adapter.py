"""Adapters find their layers under every name they were trained with, or are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mma_eval.errors import ModelError, PrerequisiteError
from mma_eval.media.source import Media, NoAudio, NoVideo
from mma_eval.models.local.adapter import nested_name, published_name
from mma_eval.models.qwen.backend import QwenOmni
from mma_eval.types import Group, Question, ScoreOptions
from tests.models.conftest import MakeBackend

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
Q = "model.layers.0.self_attn.q_proj"


@pytest.fixture(scope="module")
def trained(make_backend: MakeBackend, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter on q and v of the language model and one of the audio tower, as PEFT saves it."""
    import peft

    folder = tmp_path_factory.mktemp("adapter")
    model = make_backend().answerer.thinker.model
    config = peft.LoraConfig(
        r=4,
        target_modules=r".*(model\.layers\.\d|audio_tower\.layers\.0)\..*(q|v)_proj",
        rank_pattern={r"(.*\.)?(language_)?model\.layers\.0\.self_attn\.q_proj": 2},
    )
    wrapped = peft.get_peft_model(model, config)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.5)
    wrapped.save_pretrained(folder)
    return folder


def plain(name: str) -> str:
    """The published name of a tensor that PEFT saved."""
    name = name.removeprefix("base_model.model.")
    name = name.replace("model.language_model.", "model.", 1)
    return name.replace("model.audio_tower.", "audio_tower.", 1)


def today(name: str) -> str:
    if name.startswith("audio_tower."):
        return f"model.{name}"
    return name.replace("model.", "model.language_model.", 1)


NAMINGS: dict[str, Callable[[str], str]] = {
    "today's thinker": lambda name: f"base_model.model.{today(name)}",
    "earlier thinker": lambda name: f"base_model.model.{name}",
    "full model": lambda name: f"base_model.model.thinker.{name}",
    "saved bare": today,
}


def renamed(trained: Path, to: Path, naming: Callable[[str], str]) -> Path:
    """The adapter with its tensors, and the one module in its rank pattern, named otherwise."""
    to.mkdir()
    tensors = {naming(plain(n)): tensor for n, tensor in load_file(trained / WEIGHTS).items()}
    save_file(tensors, to / WEIGHTS)
    config = json.loads((trained / CONFIG).read_text(encoding="utf-8"))
    config["rank_pattern"] = {naming(Q).removeprefix("base_model.model."): 2}
    (to / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    return to


def scores(backend: QwenOmni) -> list[float]:
    question = Question("q", "", "Which one?", ScoreOptions(("Dog", "Cat")))
    (answer,) = backend.answer([Group(Media(NoVideo(), NoAudio()), "", (question,))])
    return [score.log_likelihood for score in answer.option_scores]


@pytest.mark.parametrize("naming", NAMINGS)
def test_every_naming_gives_the_same_model(
    naming: str, trained: Path, make_backend: MakeBackend, tmp_path: Path
) -> None:
    folder = renamed(trained, tmp_path / "renamed", NAMINGS[naming])
    backend = make_backend(adapter=folder)
    expected = scores(make_backend(adapter=trained))
    assert scores(backend) == pytest.approx(expected, abs=1e-5)
    assert scores(make_backend()) != pytest.approx(expected, abs=1e-2)
    layers = backend.answerer.thinker.engine.decoder.layers
    assert layers[0].self_attn.q_proj.r == {"default": 2}
    assert layers[1].self_attn.q_proj.r == {"default": 4}


@pytest.mark.parametrize(
    ("published", "nested"),
    [
        ("model.layers.3.mlp.up_proj", "model.language_model.layers.3.mlp.up_proj"),
        ("visual.blocks.0.attn.q", "model.visual.blocks.0.attn.q"),
        ("audio_tower.layers.0.fc1", "model.audio_tower.layers.0.fc1"),
        ("lm_head", "lm_head"),
    ],
)
def test_names(published: str, nested: str) -> None:
    assert nested_name(published) == nested
    for name in (published, nested):
        for prefix in ("", "thinker.", "base_model.model.", "base_model.model.thinker."):
            assert published_name(prefix + name) == published


def edited(trained: Path, to: Path, edit: Any) -> Path:
    folder = Path(shutil.copytree(trained, to))
    tensors = load_file(folder / WEIGHTS)
    edit(tensors)
    save_file(tensors, folder / WEIGHTS)
    return folder


def test_a_tensor_without_a_place_is_refused(
    trained: Path, make_backend: MakeBackend, tmp_path: Path
) -> None:
    folder = renamed(trained, tmp_path / "a", lambda name: name.replace("layers.2.", "layers.7."))
    with pytest.raises(ModelError, match=r"without a place.*layers\.7"):
        make_backend(adapter=folder).load()


def test_a_place_without_its_tensor_is_refused(
    trained: Path, make_backend: MakeBackend, tmp_path: Path
) -> None:
    def drop(tensors: dict[str, torch.Tensor]) -> None:
        del tensors[next(name for name in tensors if name.endswith("lora_B.weight"))]

    with pytest.raises(ModelError, match="disagree on 1 tensors"):
        make_backend(adapter=edited(trained, tmp_path / "a", drop)).load()


def test_an_adapter_of_another_size_is_refused(
    trained: Path, make_backend: MakeBackend, tmp_path: Path
) -> None:
    def widen(tensors: dict[str, torch.Tensor]) -> None:
        name = next(name for name in tensors if name.endswith("lora_A.weight"))
        tensors[name] = torch.zeros(tensors[name].shape[0], 99)

    with pytest.raises(ModelError, match="another size"):
        make_backend(adapter=edited(trained, tmp_path / "a", widen)).load()


def test_a_folder_without_an_adapter(make_backend: MakeBackend, tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"no adapter_config\.json"):
        make_backend(adapter=tmp_path).load()


def test_other_kinds_are_refused(trained: Path, make_backend: MakeBackend, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "a"))
    file = folder / CONFIG
    config = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(config | {"modules_to_save": ["lm_head"]}), encoding="utf-8")
    with pytest.raises(ModelError, match="whole modules"):
        make_backend(adapter=folder).load()


def test_content_is_in_the_fingerprint(
    trained: Path, make_backend: MakeBackend, tmp_path: Path
) -> None:
    def nudge(tensors: dict[str, torch.Tensor]) -> None:
        tensors[min(tensors)] += 1

    copy = Path(shutil.copytree(trained, tmp_path / "same"))
    other = edited(trained, tmp_path / "other", nudge)
    same, changed = make_backend(adapter=copy), make_backend(adapter=other)
    original = make_backend(adapter=trained).fingerprint()
    assert same.fingerprint() == original
    assert len({original, changed.fingerprint(), make_backend().fingerprint()}) == 3
