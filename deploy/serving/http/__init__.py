"""From a request to its answer: limits, parsing, the input gate, problems and bodies of answers."""
