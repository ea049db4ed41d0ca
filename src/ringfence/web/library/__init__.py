"""The library: read, sign, search beside a call; publish and see who has signed."""
