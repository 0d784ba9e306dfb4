"""Health: the rules for built-in kinds, which rule judges an object, and the roll-up to an application."""
