"""Files as such: canonical bytes, whole writes, hash chains, YAML that runs nothing."""
