"""A package, so that the lab can be one fixture of it, taken down before other folders run."""
