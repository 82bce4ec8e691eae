"""What a model is to an audit: the contract, what is declared of it, the catalogue of formats."""
