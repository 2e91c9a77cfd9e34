"""Tests and intervals that judges in data_checks and deploy/delivery share; pure numbers in, values out."""
