"""A scripted IMAP server, and the scenarios it plays: see README.md."""
