"""Figures of attention diagnosis, drawn with matplotlib."""
