"""A cold-chain warehouse: a second domain on labtrust-core, with rules and policy of its own."""
