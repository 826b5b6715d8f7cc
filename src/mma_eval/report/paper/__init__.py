"""The tables and figures of the MMA-Bench paper, from runs, beside the published numbers."""
