"""Phones of one scan: each read in a thread, its certificates rung by rung, its apps judged."""
