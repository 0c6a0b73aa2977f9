"""The two sides of a measurement: what they are made from, with which weights, and what they are given."""
