"""The register of suppliers: what is in order, what ends, what is blank, and where the data is."""
