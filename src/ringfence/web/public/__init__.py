"""Pages for anybody: statement, licences, demonstration sign-in, and the machines' health check."""
