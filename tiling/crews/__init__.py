"""Who does the blocks of a build: this process, several, or a cluster."""
