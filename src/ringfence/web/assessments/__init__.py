"""The register of impact assessments: which purposes are on, and the three people who sign an entry."""
