"""Where text, video and audio tokens stand in a Qwen-Omni prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mma_eval.models.nn.qwen_vision_input import Grid

Chunk = tuple[int, int]


@dataclass(frozen=True)
class MediaTokens:
    """Ids of the placeholders, and the pace at which sight and sound are interleaved.

    They alternate in chunks of `seconds_per_chunk`, as
    `Qwen2_5OmniProcessor.replace_video_with_audio_token` lays them out.
    """

    video: int
    audio: int
    vision_start: int
    vision_end: int
    audio_start: int
    audio_end: int
    positions_per_second: int
    seconds_per_chunk: float = 2.0
    merge_size: int = 2

    def lay_out(
        self, grid: Grid | None, audio_tokens: int | None, seconds_per_grid: float
    ) -> list[int]:
        """Placeholder ids of one video, one sound, or one video with its sound; [] for neither.

        With both, they alternate between shared start and end marks.
        """
        if grid is None:
            if audio_tokens is None:
                return []
            return [self.audio_start, *[self.audio] * audio_tokens, self.audio_end]
        if audio_tokens is None:
            video = [self.video] * (grid.t * self._per_group(grid))
            return [self.vision_start, *video, self.vision_end]
        inner = self._interleaved(grid, audio_tokens, seconds_per_grid)
        return [self.vision_start, self.audio_start, *inner, self.audio_end, self.vision_end]

    def _per_group(self, grid: Grid) -> int:
        return grid.h * grid.w // self.merge_size**2

    def _interleaved(self, grid: Grid, audio_tokens: int, seconds_per_grid: float) -> list[int]:
        chunk = int(self.positions_per_second * self.seconds_per_chunk)
        pace = seconds_per_grid * self.positions_per_second
        times = [group * pace for group in range(grid.t) for _ in range(self._per_group(grid))]
        seen = chunks(times, chunk)
        heard = chunks(range(audio_tokens), chunk)
        ids: list[int] = []
        for number in range(max(len(seen), len(heard))):
            if number < len(seen):
                ids += [self.video] * (seen[number][1] - seen[number][0])
            if number < len(heard):
                ids += [self.audio] * (heard[number][1] - heard[number][0])
        return ids


class TimedMediaTokens(MediaTokens):
    """Sight and sound in the order of their times, a temporal group before a sound as late.

    As `Qwen3OmniMoeProcessor.replace_video_with_audio_token` lays them out.
    """

    def _interleaved(self, grid: Grid, audio_tokens: int, seconds_per_grid: float) -> list[int]:
        ids: list[int] = []
        heard = 0
        for group in range(grid.t):
            time = group * seconds_per_grid * self.positions_per_second
            until = min(audio_tokens, math.ceil(time))
            ids += [self.audio] * (until - heard)
            ids += [self.video] * self._per_group(grid)
            heard = until
        return [*ids, *[self.audio] * (audio_tokens - heard)]


def chunks(times: Sequence[float], length: int) -> list[Chunk]:
    """Stretches of `times` that begin where the next multiple of `length` is reached.

    One boundary per token at most, also across a gap, as transformers' `get_chunked_index` does:
    other boundaries would pair tokens with other positions.
    """
    found: list[Chunk] = []
    start, current = 0, 1
    for index, time in enumerate(times):
        if time >= current * length:
            found.append((start, index))
            start, current = index, current + 1
    return [*found, (start, len(times))]
