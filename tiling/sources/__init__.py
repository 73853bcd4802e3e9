"""What the user names as imagery: files, lists, STAC items; which comes first, where it lies."""
