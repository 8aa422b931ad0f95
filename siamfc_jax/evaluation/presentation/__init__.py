"""What evaluation shows: tables, plots, published scores, and a report of one HTML file."""
