"""The skill pack as the linter sees it: pages, the norms in them, the commands that they show, what is derived."""
