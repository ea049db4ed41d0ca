"""Pages on which privacy notices are drafted, agreed and published, and the public page of each client."""
