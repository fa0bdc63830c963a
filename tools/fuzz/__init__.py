"""Fuzzing: one entry point for every reader of bytes that strangers hand over."""
