"""Mean and deviation of CLIP's pixels (arXiv 2103.00020), which later towers kept."""

from __future__ import annotations

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""Red, green and blue, on a scale from 0 to 1."""
