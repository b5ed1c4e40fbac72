"""What the tests and the demonstration share: servers, clients and mail."""
