"""One in-memory version of every port, used by every journey's test; each passes its port's own suite."""
