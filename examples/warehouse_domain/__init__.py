"""A cold-chain warehouse: a second domain on labtrust-core, with its own world, rules and policy."""
