"""People and their access: joining, moving, leaving, urgent roles, support sessions, reviews, telephones."""
