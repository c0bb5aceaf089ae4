"""Batch jobs: files of questions, a line each, become files of answers (specification §7).

lines: files in, files out      inference: a line → items      (engine.jobs.kinds runs them)
"""
