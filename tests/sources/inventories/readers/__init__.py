"""Tests of the readers of inventory formats."""
