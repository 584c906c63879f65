"""Tests of what phones print about their apps."""
