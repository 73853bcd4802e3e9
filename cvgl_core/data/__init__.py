"""Training and evaluation material: simulated cities, batches, augmentation."""
