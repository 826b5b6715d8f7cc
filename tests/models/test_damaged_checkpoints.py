"""A checkpoint that is not whole is refused with one sentence that says what is wrong where."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mma_eval.errors import ModelError
from mma_eval.models.local.checkpoint_tensors import read_part, read_tensors
from mma_eval.models.local.sizes_file import Sizes, stated_sizes
from mma_eval.models.qwen.backend import QwenOmni, QwenOmniArguments
from tests.models.conftest import card

WEIGHTS = "model.safetensors"
KEY = "thinker.lm_head.weight"


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def with_tensor(folder: Path, tensor: torch.Tensor | None) -> None:
    """Put another head in the place of the checkpoint's, or none."""
    tensors = load_file(folder / WEIGHTS)
    del tensors[KEY]
    added = {} if tensor is None else {KEY: tensor}
    save_file(tensors | added, folder / WEIGHTS, metadata={"format": "pt"})


def emptied(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def with_index(folder: Path) -> None:
    (folder / f"{WEIGHTS}.index.json").write_text("{}")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (emptied, "'FOLDER' has no config.json"),
        (
            lambda f: (f / "config.json").write_text("{"),
            "'FOLDER/config.json' cannot be read as JS",
        ),
        (
            lambda f: (f / "config.json").write_text("[]"),
            "'FOLDER/config.json' does not hold a JSO",
        ),
        (
            lambda f: (f / "tokenizer.json").write_text("{"),
            "no tokenizer can be read in 'FOLDER': ",
        ),
        (lambda f: (f / WEIGHTS).unlink(), f"'FOLDER' lacks the weights {WEIGHTS}"),
        (lambda f: cut(f / WEIGHTS), "cannot load 'FOLDER' as a qwen2.5-omni thinker: "),
        (with_index, f"'FOLDER/{WEIGHTS}.index.json' has no weight_map"),
        (lambda f: with_tensor(f, None), "'FOLDER' is not a complete qwen2.5-omni thinker: 1 w"),
        (
            lambda f: with_tensor(f, torch.zeros(3)),
            "'FOLDER' is not a complete qwen2.5-omni thinker: 0 w",
        ),
    ],
)
def test_a_damaged_folder(
    checkpoint: Path, tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "ckpt"))
    damage(folder)
    with pytest.raises(ModelError) as refusal:
        QwenOmni(card(folder), QwenOmniArguments(device="cpu")).load()
    sentence = str(refusal.value)
    assert sentence.startswith(said.replace("FOLDER", str(folder)))
    assert len(sentence.splitlines()) == 1


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
def test_a_file_that_was_cut_off(tmp_path: Path, name: str) -> None:
    file, tensors = tmp_path / name, {"one": torch.zeros(1000)}
    save_file(tensors, file) if file.suffix == ".safetensors" else torch.save(tensors, file)
    assert read_tensors([file])["one"].shape == (1000,)
    cut(file)
    with pytest.raises(ModelError, match=f"cannot read the weights in .*{name}.*is the file whole"):
        read_tensors([file])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([torch.zeros(1)], "holds a list instead of named tensors"),
        ({"epoch": 3}, "holds epoch, which is no tensor"),
        ({"code": Path("x")}, "no file of tensors, or holds code"),
    ],
)
def test_a_pickle_of_other_things(tmp_path: Path, content: object, said: str) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match=said):
        read_tensors([tmp_path / "weights.pth"])


def test_tensors_under_a_key(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({"model": {"one": torch.ones(2)}, "epoch": 3}, file)
    assert list(read_part(file, "model")) == ["one"]
    with pytest.raises(ModelError, match="holds no tensors under 'weights'"):
        read_part(file, "weights")


def test_sizes_that_are_no_sizes(tmp_path: Path) -> None:
    file = tmp_path / "sizes.json"
    file.write_text("[]")
    with pytest.raises(ModelError, match=r"sizes\.json' does not hold a JSON object"):
        stated_sizes(file, Sizes)
    file.write_text('{"depht": 3}')
    with pytest.raises(ModelError, match=r"sizes\.json: depht: Extra inputs"):
        stated_sizes(file, Sizes)
