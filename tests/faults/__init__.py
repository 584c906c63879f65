"""Faults of the machine, injected into the program as a user runs it: one table, one defined outcome each."""
