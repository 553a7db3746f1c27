"""Tests in Python, run by pytest."""
