"""The page that shows runs: one self-contained HTML file."""
