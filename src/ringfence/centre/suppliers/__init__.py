"""The register of suppliers: certificates, where data is, what processors' contracts say (R129, R137 to R139)."""
