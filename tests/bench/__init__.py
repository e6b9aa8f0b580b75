"""Benchmarks: `python -m tests.bench [NAME] [--json] [--database sqlite|postgres] [--rounds N]`.

Each compares contestants that take turns within one run, on a temporary database, and reports
medians and ratios. None asserts a time: machines differ, and so does what else runs on them.
"""
