"""Finding a checkpoint: a folder, one that ships with mma-eval, or a hub repository.

Nothing large is downloaded without leave: `download_plan` says what it would cost, and `fetch`
refuses until it is told to go ahead.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from mma_eval.errors import ModelError, PrerequisiteError
from mma_eval.hub import reach
from mma_eval.media.identity import content_hash as file_content_hash
from mma_eval.models.local.json_file import read_object
from mma_eval.paths import data_folder

PACKAGE_PREFIX = "package:"
LAYOUTS = (
    ("model.safetensors.index.json", "model.safetensors"),
    ("pytorch_model.bin.index.json", "pytorch_model.bin"),
)
"""Index and single file of each way to publish weights, the preferred one first."""
SMALL_FILES = ["*.json", "*.txt", "*.jinja", "tokenizer.model", "spiece.model"]
TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model")
GB = 10**9

DESCRIBING = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
)
"""Files besides the weights that decide what the model is fed."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class DownloadPlan:
    """What getting a checkpoint from the hub would take; sizes in bytes."""

    repo: str
    revision: str
    """The commit that would be fetched."""
    files: tuple[str, ...]
    download: int
    disk_free: int
    memory_needed: int
    """Of the weights in the checkpoint's own precision, without what answering adds."""
    memory_available: int
    memory_where: str

    def sentence(self) -> str:
        """Size, memory and disk in one sentence, for a question or a refusal."""
        short = "" if self.enough else " This machine does not have enough."
        return (
            f"'{self.repo}' has to be downloaded: {_gb(self.download)} on disk "
            f"({_gb(self.disk_free)} free), about {_gb(self.memory_needed)} of memory "
            f"({_gb(self.memory_available)} available, {self.memory_where}).{short}"
        )

    @property
    def enough(self) -> bool:
        return self.download <= self.disk_free and self.memory_needed <= self.memory_available


def local_folder(pretrained: str) -> Path | None:
    """The folder that `pretrained` names on this machine, None where it may be a hub id.

    Raises PrerequisiteError for a path or package checkpoint that is not there.
    """
    if pretrained.startswith(PACKAGE_PREFIX):
        name = pretrained.removeprefix(PACKAGE_PREFIX)
        folder = data_folder("checkpoints") / name
        if not (folder / "config.json").is_file():
            raise PrerequisiteError(f"mma-eval ships no checkpoint '{name}' (looked in {folder})")
        return folder
    folder = Path(pretrained).expanduser()
    if folder.is_dir():
        return folder
    if _HUB_ID.fullmatch(pretrained):
        return None
    raise PrerequisiteError(
        f"no weights at '{pretrained}': it is neither a folder, nor package:NAME, nor a hub id "
        "such as Qwen/Qwen2.5-Omni-7B"
    )


def small_files(pretrained: str, revision: str | None) -> Path:
    """The folder with configuration and tokenizer, fetched from the hub if need be (megabytes)."""
    folder = local_folder(pretrained)
    if folder is not None:
        return folder
    cached = _cached(pretrained, revision)
    if cached is not None and _has_tokenizer(cached):
        return cached
    from huggingface_hub import snapshot_download

    with _hub(pretrained, revision):
        return Path(snapshot_download(pretrained, revision=revision, allow_patterns=SMALL_FILES))


def download_plan(pretrained: str, revision: str | None = None) -> DownloadPlan | None:
    """What has to be downloaded before `pretrained` can be loaded; None where nothing has to."""
    if local_folder(pretrained) is not None or _complete(_cached(pretrained, revision)):
        return None
    from huggingface_hub import constants, snapshot_download

    folder = small_files(pretrained, revision)
    wanted = [file.name for file in weight_files(folder, present=False)]
    with _hub(pretrained, revision):
        listed = snapshot_download(
            pretrained, revision=folder.name, allow_patterns=[*SMALL_FILES, *wanted], dry_run=True
        )
    infos = cast("list[Any]", listed)
    cache = Path(constants.HF_HUB_CACHE)
    memory, where = available_memory()
    return DownloadPlan(
        repo=pretrained,
        revision=folder.name,
        files=tuple(wanted),
        download=sum(info.file_size for info in infos if info.will_download),
        disk_free=shutil.disk_usage(_existing(cache)).free,
        memory_needed=sum(info.file_size for info in infos if info.filename in wanted),
        memory_available=memory,
        memory_where=where,
    )


def fetch(pretrained: str, revision: str | None, *, accept_download: bool) -> Path:
    """The folder with the weights, downloaded if that is allowed.

    Raises PrerequisiteError with the whole sentence, and the flag to set, where it is not.
    """
    folder = local_folder(pretrained)
    if folder is not None:
        return folder
    cached = _cached(pretrained, revision)
    if cached is not None and _complete(cached):
        return cached
    plan = download_plan(pretrained, revision)
    if plan is None:
        raise ModelError(f"the hub's copy of '{pretrained}' changed while it was being read")
    if not accept_download:
        raise PrerequisiteError(
            f"{plan.sentence()} Allow it with --model-args accept_download=true, or name a "
            "folder that holds the weights with --model-args pretrained=FOLDER"
        )
    from huggingface_hub import snapshot_download

    with _hub(pretrained, revision):
        return Path(
            snapshot_download(
                pretrained, revision=plan.revision, allow_patterns=[*SMALL_FILES, *plan.files]
            )
        )


def weight_files(folder: Path, *, present: bool = True) -> list[Path]:
    """The files that hold a model's weights; of a thinker's checkpoint no others are ever read.

    Raises ModelError where one is missing, unless `present` is False.
    """
    index, single = weight_layout(folder)
    if (folder / index).is_file():
        mapped = read_object(folder / index).get("weight_map")
        if not isinstance(mapped, dict):
            raise ModelError(f"'{folder / index}' has no weight_map")
        named = {file for key, file in mapped.items() if key.startswith("thinker.")}
        names = sorted(named or set(mapped.values()))
    else:
        names = [single]
    files = [folder / name for name in names]
    absent = [file.name for file in files if not file.is_file()]
    if present and absent:
        raise ModelError(f"'{folder}' lacks the weights {', '.join(absent)}")
    return files


def weight_layout(folder: Path) -> tuple[str, str]:
    """Names of the index and the single file of the layout that `folder` has."""
    there = (layout for layout in LAYOUTS if any((folder / name).is_file() for name in layout))
    return next(there, LAYOUTS[0])


def checkpoint_identity(pretrained: str, revision: str | None) -> str:
    """What tells these weights from any others: the hub's commit, or a hash of the content.

    Configuration, tokenizer and preprocessor files count as content. Nothing is loaded.
    """
    folder = local_folder(pretrained)
    if folder is None:
        pinned = revision is not None and _COMMIT.fullmatch(revision)
        commit = revision if pinned else small_files(pretrained, revision).name
        return f"{pretrained}@{commit}"
    described = [folder / name for name in DESCRIBING if (folder / name).is_file()]
    return content_hash([*weight_files(folder), *described])


def content_hash(files: list[Path]) -> str:
    """SHA-256 over the contents of `files`, in order, with their names.

    Each file's own hash is remembered by inode, size and ctime, so large weights are read once.
    """
    whole = sha256()
    for file in files:
        whole.update(f"{file.name}\x1f{file_content_hash(file)}\x1e".encode())
    return whole.hexdigest()


def available_memory() -> tuple[int, str]:
    """Bytes free where a model would go, and where that is."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.mem_get_info()[0], torch.cuda.get_device_name()
    from importlib import import_module

    return int(import_module("psutil").virtual_memory().available), "main memory"


def _cached(repo: str, revision: str | None) -> Path | None:
    """The snapshot of `repo` in the local hub cache, complete or not."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                repo, revision=revision, allow_patterns=["config.json"], local_files_only=True
            )
        )
    except (LocalEntryNotFoundError, HFValidationError, FileNotFoundError):
        return None


def _complete(folder: Path | None) -> bool:
    if folder is None or not (folder / "config.json").is_file() or not _has_tokenizer(folder):
        return False
    if not any((folder / name).is_file() for name in weight_layout(folder)):
        return False
    return all(file.is_file() for file in weight_files(folder, present=False))


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZERS)


@contextmanager
def _hub(repo: str, revision: str | None) -> Iterator[None]:
    """Turn what the hub client raises into one sentence."""
    from huggingface_hub import errors

    named = f"'{repo}'" + (f" at revision {revision}" if revision else "")
    try:
        reach()
        yield
    except errors.GatedRepoError as error:
        raise PrerequisiteError(
            f"the hub gives {named} only to those who accepted its terms; accept them on its "
            "page and log in with `hf auth login`"
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise PrerequisiteError(f"the hub has no {named}, or not for you") from error
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        raise PrerequisiteError(
            f"the model hub cannot be reached to get {named}; go online, or name a folder that "
            "holds the weights with --model-args pretrained=FOLDER"
        ) from error
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ("httpx", "httpx2", "httpcore", "requests"):
            raise
        raise PrerequisiteError(
            f"the model hub cannot be reached to get {named}; go online, or name a folder that "
            "holds the weights with --model-args pretrained=FOLDER"
        ) from error


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _gb(size: int) -> str:
    return f"{size / GB:.1f} GB"
