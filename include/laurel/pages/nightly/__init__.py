"""The parts of the page of a nightly report: what each section shows, as figures and tables."""
