"""Tests of the byte seam and of the zip directory that lives on it."""
