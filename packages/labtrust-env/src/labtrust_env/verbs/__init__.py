"""What each discrete action proposes to the engine, one module a work area.

A verb looks at the running episode and returns the action type and arguments of an event that the
engine would accept from that agent now, or nothing. It decides by the same tables and state as the
engine's guards, and changes nothing.
"""
