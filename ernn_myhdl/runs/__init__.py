"""Designs on engines: runs and their folders, checks, evaluation, reports."""
