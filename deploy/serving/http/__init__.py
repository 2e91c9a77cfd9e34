"""From a request to its answer: limits, parsing, input validation, problems and bodies of answers."""
