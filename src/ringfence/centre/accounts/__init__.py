"""People, their rights over time, the agents among them and the telephones they use."""
