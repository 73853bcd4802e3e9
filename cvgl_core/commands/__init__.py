"""The commands of ``cvgl``, one module each; what is heavy is imported when a command runs."""
