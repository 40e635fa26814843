"""`tuner fleet`: models, kinds of host and questions in one plan, a search for each pair of them."""
