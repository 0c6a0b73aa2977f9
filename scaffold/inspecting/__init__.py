"""Reading what a checkpoint says of itself: names and shapes, never the tensors, and nothing that runs code.

`headers` reads files, `recognising` finds the preset and the configuration, `proposing` pairs the names of two
checkpoints of one model, `describing` writes a spec of what was found.
"""
