"""For whoever writes a verifier or extends one: good bundles, forgeries of them, and a kit.

Nothing here is needed to make or verify evidence. The keys are derived from public seeds.
"""
