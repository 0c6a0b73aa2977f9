"""Whether two implementations agree: their tensors in each dtype, and their configs key by key."""
