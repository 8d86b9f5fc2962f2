"""What a student's copy does not hold: releasing, grading, variants and hidden checks."""
