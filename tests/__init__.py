"""Tests mirror the package; builders and fakes are in `tests.support`."""
