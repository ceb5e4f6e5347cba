"""The schema contract put to use: suites, documents, proposals from samples, differences."""
