"""Batch jobs: files of questions, a line each, become files of answers (specification §7).

lines: files in, files out      inference: a line → items      themes: items → what they have in common
segments: a line → users        (engine.jobs.kinds runs them)
"""
