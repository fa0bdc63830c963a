"""Mutation testing of the modules that trust rests on."""
