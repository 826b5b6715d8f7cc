"""What ChatBridge asks of a clip: four frames at the size of its picture tower, native sound.

Its own code resamples the sound by another filter than the one that media are resampled with.
"""

from __future__ import annotations

from mma_eval.media.policy import AudioPolicy, FramePolicy, Sampling, SegmentStarts

SAMPLING = Sampling(
    FramePolicy(SegmentStarts(4), size=(224, 224)), AudioPolicy(rate=None, channels=None)
)
