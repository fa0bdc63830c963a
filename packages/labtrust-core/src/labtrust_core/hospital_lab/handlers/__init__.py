"""Guards and handlers of the laboratory, one module a work area.

A guard answers one question and raises ``Blocked``; it changes nothing. Which guards an action has
is policy. A handler runs after them and changes the world.
"""
