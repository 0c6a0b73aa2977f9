"""A model into a checkout of diffusers: its files at the places that this repository has for them, and its entries in
the tables that have to know of it.

Each module is one kind of registration: a function `register` that takes the `Checkout` and what goes in, and raises
`NotFound` where the checkout has no such place. All are idempotent.
"""
