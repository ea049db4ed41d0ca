"""SIP: a sans-I/O core on the aiosipua header codec, and the sockets around it."""
