"""The centre: people, clients, directory, calls, recordings, audit and jobs, one Django app per noun."""
