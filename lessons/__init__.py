"""A course in sixteen lessons: from one linear layer to a semi-supervised adversarial autoencoder."""
