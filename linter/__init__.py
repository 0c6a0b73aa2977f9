"""The static checker: reads files into facts, runs the rules over them, reports findings and applies fixes."""
