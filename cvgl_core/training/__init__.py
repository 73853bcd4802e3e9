"""Training on simulated cities: settings, city producer, loop, checkpoints."""
