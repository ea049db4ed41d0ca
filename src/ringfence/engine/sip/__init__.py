"""SIP: a sans-I/O core on the aiosipua message codec, and the sockets around it."""
