"""One HTML file of what the commands printed as JSON, which needs nothing beside itself."""
