"""Pure decisions about a candidate: facts and a policy in, a verdict out."""
