"""Who acts: the interface of an agent, and the ready-made ones."""
