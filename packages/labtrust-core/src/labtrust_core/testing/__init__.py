"""What tests of the laboratory and of its extensions need; nothing else imports it."""
