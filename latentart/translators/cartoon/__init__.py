"""Networks and filters that draw cartoons."""
