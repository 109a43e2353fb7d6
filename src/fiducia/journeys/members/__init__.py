"""Members of the consortium: admission, keys that speak for them, what they have carried, incidents."""
