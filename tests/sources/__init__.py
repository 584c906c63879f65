"""Tests of where apps are found."""
