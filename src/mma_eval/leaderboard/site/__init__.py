"""The leaderboard as one page that loads nothing and reads without a script."""
