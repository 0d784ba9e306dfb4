"""Helper programs: found, fetched or built once into the user's cache."""
