"""Rows that others can judge: submissions, their check, the board and its page."""
