"""The command line: options to library calls to exit codes; the only room that prints or exits."""
