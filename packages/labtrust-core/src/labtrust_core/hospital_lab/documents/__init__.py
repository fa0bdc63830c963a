"""The policy documents of the laboratory, as types: one module an area, and their list."""
