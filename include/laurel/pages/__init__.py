"""Templates and plots of what people read: reports and decisions."""
