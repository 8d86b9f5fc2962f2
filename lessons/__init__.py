"""A course in fifteen lessons: from one linear layer to a semi-supervised adversarial autoencoder."""
