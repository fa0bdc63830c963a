"""One command a file, each exposing `command`; `labtrust_cli.command_table` finds them."""
