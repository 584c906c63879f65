"""Scans that are continued."""
