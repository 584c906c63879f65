"""Fuzzing: what is asked of every reader, and the program that asks it of a million inputs."""
