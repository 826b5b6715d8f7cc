"""Plots as SVG text: no script, no fetched font, the same bytes for the same numbers."""
