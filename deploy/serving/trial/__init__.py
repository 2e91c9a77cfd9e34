"""The trial of a candidate on live traffic: its shadow, its share of the answers."""
